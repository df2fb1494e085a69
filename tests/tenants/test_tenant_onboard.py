"""Onboarding a tenant."""

import pytest
from django.db import IntegrityError, transaction

from readiness.infra.refusals import Conflict, Invalid
from readiness.infra.transactions import IntentViolationError, atomic_write
from readiness.tenants.models import ApiKey, DsnKey, Project, Tenant
from readiness.tenants.services.scopes import TENANT_SCOPES
from readiness.tenants.workflows import caller_authenticate, dsn_authenticate, tenant_onboard
from tests.factories import ANYBODY, a_tenant

pytestmark = pytest.mark.django_db


def test_it_makes_a_project_a_dsn_and_one_key_for_each_tenant_scope() -> None:
    onboarded = tenant_onboard(slug="demo", name="Demo Ltd", actor=ANYBODY)
    assert tuple(onboarded.keys) == TENANT_SCOPES
    tenant = Tenant.objects.get(slug="demo")
    assert (tenant.name, tenant.synthetic) == ("Demo Ltd", False)
    assert Project.objects.get(pk=onboarded.project_id).tenant == tenant
    for scope, key in onboarded.keys.items():
        caller = caller_authenticate(key)
        assert caller is not None
        assert caller.scopes == {scope}
        assert (caller.tenant_id, caller.project_id) == (tenant.pk, onboarded.project_id)
        assert (caller.tenant_slug, caller.installation, caller.environment) == ("demo", False, "production")
    dsn = dsn_authenticate(onboarded.project_id, onboarded.public_key)
    assert dsn is not None
    assert (dsn.tenant_slug, dsn.trusted, dsn.synthetic) == ("demo", False, False)


def test_it_keeps_only_a_hash_of_a_key_and_who_made_it() -> None:
    onboarded = tenant_onboard(slug="demo", actor=ANYBODY)
    rows = list(ApiKey.objects.values())
    assert len(rows) == 4
    for key in onboarded.keys.values():
        assert key not in repr(rows)
        assert key not in repr(onboarded)
    assert {row["created_by"] for row in rows} == {"Ada"}
    assert {row["origin"] for row in rows} == {"onboarding"}


def test_it_trusts_a_dsn_only_when_told() -> None:
    onboarded = tenant_onboard(slug="server", trusted=True, synthetic=True, actor=ANYBODY)
    dsn = dsn_authenticate(onboarded.project_id, onboarded.public_key)
    assert dsn is not None
    assert (dsn.trusted, dsn.synthetic) == (True, True)


def test_it_refuses_the_second_time_and_changes_nothing() -> None:
    tenant_onboard(slug="demo", actor=ANYBODY)
    before = (list(Tenant.objects.values()), list(ApiKey.objects.values()), list(DsnKey.objects.values()))
    with pytest.raises(Conflict, match="--rotate-keys"):
        tenant_onboard(slug="demo", name="Other", trusted=True, actor=ANYBODY)
    assert before == (list(Tenant.objects.values()), list(ApiKey.objects.values()), list(DsnKey.objects.values()))


def test_it_refuses_a_bad_slug_or_name_before_it_writes() -> None:
    for slug, name in (("No Slug", ""), ("fine", "x" * 121)):
        with pytest.raises(Invalid):
            tenant_onboard(slug=slug, name=name, actor=ANYBODY)
    assert not Tenant.objects.exists()


def test_the_database_holds_what_the_rules_say() -> None:
    tenant = a_tenant()
    refused = [
        lambda: Tenant.objects.create(slug="UPPER", name="x"),
        lambda: Tenant.objects.create(slug="", name="x"),
        lambda: Tenant.objects.create(slug=tenant.slug, name="x"),
        lambda: Project.objects.create(pk=0, tenant=tenant, name="x"),
        lambda: [Project.objects.create(tenant=tenant, name="x") for _ in range(2)],
        lambda: ApiKey.objects.create(name="x", prefix="rk_", key_hash="1", tenant=tenant, project_id=0),
        lambda: ApiKey.objects.create(name="x", prefix="rk_", key_hash="2", project_id=5),
        lambda: ApiKey.objects.create(name="x", prefix="rk_", key_hash="3", origin="onboarding"),
        lambda: DsnKey.objects.create(project=Project.objects.create(tenant=tenant, name="x"), public_key="ab"),
    ]
    for write in refused:
        with pytest.raises(IntegrityError), atomic_write(), transaction.atomic():
            write()


def test_a_write_without_a_declared_intent_is_refused() -> None:
    with pytest.raises(IntentViolationError):
        Tenant.objects.create(slug="plain", name="x")
