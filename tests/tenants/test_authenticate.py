"""Which machine calls: API keys and DSN keys."""

from datetime import timedelta

import pytest
from pytest_django import DjangoAssertNumQueries, DjangoCaptureOnCommitCallbacks

from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import ApiKey
from readiness.tenants.workflows import caller_authenticate, dsn_authenticate, dsn_key_change, forget_recent_answers
from tests.factories import ANYBODY, a_dsn_key, a_project, an_api_key

pytestmark = pytest.mark.django_db


def test_it_asks_the_database_once_a_moment(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    project = a_project()
    key = an_api_key("errors:write", tenant=project.tenant).key
    dsn = a_dsn_key(project=project)
    assert caller_authenticate(key) is not None
    assert dsn_authenticate(project.pk, dsn.public_key) is not None
    with django_assert_num_queries(0):
        for _ in range(100):
            assert caller_authenticate(key) is not None
            assert dsn_authenticate(project.pk, dsn.public_key) is not None


def test_it_remembers_unknown_keys_too(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(2):
        for _ in range(10):
            assert caller_authenticate("rk_" + "x" * 43) is None
            assert dsn_authenticate(1, "0" * 32) is None


def test_it_never_asks_about_what_cannot_be_a_key(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        for presented in ("", "rk_short", "rk_" + "x" * 44, "rk_" + "\x00" * 43, "x" * 100_000):
            assert caller_authenticate(presented) is None
        for project_id, public_key in ((0, "0" * 32), (-1, "0" * 32), (2**63, "0" * 32), (10**30, "0" * 32), (1, "zz")):
            assert dsn_authenticate(project_id, public_key) is None


def test_it_notes_a_keys_use_at_most_once_an_hour() -> None:
    issued = an_api_key("ops:read")
    caller_authenticate(issued.key)
    first = ApiKey.objects.get(pk=issued.id).last_used_at
    assert first is not None
    forget_recent_answers()
    caller_authenticate(issued.key)
    assert ApiKey.objects.get(pk=issued.id).last_used_at == first
    with atomic_write():
        ApiKey.objects.filter(pk=issued.id).update(last_used_at=utcnow() - timedelta(hours=1))
    forget_recent_answers()
    caller_authenticate(issued.key)
    last = ApiKey.objects.get(pk=issued.id).last_used_at
    assert last is not None
    assert last >= first


def test_it_takes_a_dsn_key_for_its_own_project_only() -> None:
    dsn, other = a_dsn_key(), a_project()
    caller = dsn_authenticate(dsn.project_id, dsn.public_key)
    assert caller is not None
    assert (caller.key_id, caller.project_id, caller.tenant_id) == (dsn.pk, dsn.project_id, dsn.project.tenant_id)
    assert dsn_authenticate(other.pk, dsn.public_key) is None


def test_a_change_of_a_dsn_key_is_in_force_at_once_here(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    dsn = a_dsn_key()
    assert dsn_authenticate(dsn.project_id, dsn.public_key) is not None
    with django_capture_on_commit_callbacks(execute=True):
        dsn_key_change(dsn_key_id=dsn.pk, trusted=True, active=True, label="api", actor=ANYBODY)
    trusted = dsn_authenticate(dsn.project_id, dsn.public_key)
    assert trusted is not None
    assert trusted.trusted
    with django_capture_on_commit_callbacks(execute=True):
        dsn_key_change(dsn_key_id=dsn.pk, trusted=True, active=False, label="api", actor=ANYBODY)
    assert dsn_authenticate(dsn.project_id, dsn.public_key) is None
