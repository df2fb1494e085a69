"""Ending a key."""

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from readiness.infra.refusals import Conflict, NotFound
from readiness.tenants.models import ApiKey
from readiness.tenants.workflows import caller_authenticate, key_revoke
from tests.factories import ANYBODY, an_api_key

pytestmark = pytest.mark.django_db


def test_it_ends_the_key_at_once_in_this_process_and_keeps_the_row(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    issued = an_api_key("ops:read")
    assert caller_authenticate(issued.key) is not None
    with django_capture_on_commit_callbacks(execute=True):
        key_revoke(key_id=issued.id, actor=ANYBODY)
    assert caller_authenticate(issued.key) is None
    row = ApiKey.objects.get(pk=issued.id)
    assert (row.revoked_by, row.revoked_at is not None) == ("Ada", True)


def test_it_refuses_the_second_time_and_keeps_the_first_record() -> None:
    issued = an_api_key("ops:read")
    key_revoke(key_id=issued.id, actor=ANYBODY)
    first = ApiKey.objects.get(pk=issued.id).revoked_at
    with pytest.raises(Conflict, match="already"):
        key_revoke(key_id=issued.id, actor=ANYBODY)
    assert ApiKey.objects.get(pk=issued.id).revoked_at == first


def test_it_refuses_an_unknown_key() -> None:
    with pytest.raises(NotFound):
        key_revoke(key_id=999_999, actor=ANYBODY)
