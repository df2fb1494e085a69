"""Founders' keys."""

from typing import Any

import pytest

from readiness.infra.refusals import Invalid, NotFound
from readiness.tenants.models import ApiKey
from readiness.tenants.workflows import caller_authenticate, key_create
from tests.factories import ANYBODY, a_project, an_api_key

pytestmark = pytest.mark.django_db


def test_it_makes_a_key_of_the_installation() -> None:
    issued = an_api_key("ops:read", "controls:write", name="ci")
    assert (issued.name, issued.scopes, issued.tenant) == ("ci", ("controls:write", "ops:read"), None)
    caller = caller_authenticate(issued.key)
    assert caller is not None
    assert caller.installation
    assert (caller.tenant_id, caller.project_id, caller.tenant_slug) == (None, None, None)
    assert issued.key not in repr(issued)


def test_it_makes_a_tenants_key_with_founder_scopes_because_a_founder_makes_it() -> None:
    project = a_project()
    issued = an_api_key("ops:read", "errors:write", tenant=project.tenant, environment="staging")
    caller = caller_authenticate(issued.key)
    assert caller is not None
    assert caller.scopes == {"ops:read", "errors:write"}
    assert (caller.project_id, caller.installation, caller.environment) == (project.pk, False, "staging")


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": []}, {"scopes": ["root"]}, {"name": " "}, {"environment": "a b"}],
    ids=["no scope", "unknown scope", "no name", "bad environment"],
)
def test_it_refuses_bad_values_and_writes_nothing(wrong: dict[str, Any]) -> None:
    values: dict[str, Any] = {"name": "ci", "scopes": ["ops:read"], "environment": "production", **wrong}
    with pytest.raises(Invalid):
        key_create(**values, actor=ANYBODY)
    assert not ApiKey.objects.exists()


def test_it_refuses_an_unknown_tenant() -> None:
    with pytest.raises(NotFound, match="onboard it first"):
        key_create(name="ci", scopes=["ops:read"], tenant="nobody", actor=ANYBODY)
