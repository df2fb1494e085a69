"""New keys for a tenant."""

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from readiness.infra.refusals import NotFound
from readiness.tenants.models import ApiKey, Tenant
from readiness.tenants.workflows import caller_authenticate, dsn_authenticate, keys_rotate, tenant_onboard
from tests.factories import ANYBODY, an_api_key

pytestmark = pytest.mark.django_db


def test_it_replaces_the_onboarding_keys_at_once(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    before = tenant_onboard(slug="demo", actor=ANYBODY)
    assert all(caller_authenticate(key) for key in before.keys.values())  # remembered from here on
    with django_capture_on_commit_callbacks(execute=True):
        after = keys_rotate(slug="demo", actor=ANYBODY)
    assert not any(caller_authenticate(key) for key in before.keys.values())
    assert all(caller_authenticate(key) for key in after.keys.values())
    assert set(ApiKey.objects.exclude(revoked_at=None).values_list("revoked_by", flat=True)) == {"Ada"}


def test_it_leaves_the_dsn_and_the_founders_own_keys_alone() -> None:
    before = tenant_onboard(slug="demo", actor=ANYBODY)
    ci = an_api_key("evidence:write", tenant=Tenant.objects.get(slug="demo"))
    after = keys_rotate(slug="demo", actor=ANYBODY)
    assert (after.public_key, after.project_id) == (before.public_key, before.project_id)
    assert caller_authenticate(ci.key) is not None


def test_it_adds_a_trusted_dsn_beside_the_public_one_when_told() -> None:
    before = tenant_onboard(slug="demo", actor=ANYBODY)
    after = keys_rotate(slug="demo", trusted=True, actor=ANYBODY)
    again = keys_rotate(slug="demo", trusted=True, actor=ANYBODY)
    assert after.trusted
    assert before.public_key != after.public_key == again.public_key
    public = dsn_authenticate(before.project_id, before.public_key)
    assert public is not None
    assert not public.trusted


def test_it_refuses_an_unknown_tenant_and_says_what_to_do() -> None:
    with pytest.raises(NotFound, match="onboard it first"):
        keys_rotate(slug="nobody", actor=ANYBODY)
