"""What outlives retention, and retention by count. Each on both databases."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import IntegrityError
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st
from pytest_django import Settings

from incidents.errors.models import CaptureSettings, ErrorEvent, ErrorRollup, KeptError
from incidents.errors.services.captured import CapturedError
from incidents.errors.store.questions import event_find
from incidents.errors.workflows import (
    Forgotten,
    cleanup_old_errors,
    cleanup_preview,
    errors_commit,
    keys,
    rollups_compare,
)
from incidents.triage.models import Incident
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionAudit, DeletionPermit
from readiness.infra.transactions import atomic_write
from tests.factories import a_captured_error

pytestmark = pytest.mark.django_db


def _stored(
    count: int = 1, *, days_ago: int = 0, person: str = "", message: str = "It broke.", release: str = "shop@1.0.0"
) -> list[CapturedError]:
    moment = utcnow() - timedelta(days=days_ago)
    errors = [
        a_captured_error(
            exception={"values": [{"type": "ValueError", "value": message}]},
            timestamp=(moment + timedelta(seconds=n - count)).isoformat(),
            user={"id": person} if person else None,
            release=release,
            received_at=moment,
            keys=keys(),
        )
        for n in range(count)
    ]
    errors_commit(errors=errors)
    return errors


def _in_balance() -> bool:
    now = utcnow()
    counts = rollups_compare(since=now - timedelta(days=400), until=now + timedelta(hours=1))
    return dict(counts.events) == {key: n for key, n in counts.rollups.items() if n}


def test_it_keeps_an_incidents_first_event_past_retention() -> None:
    first, *_ = _stored(3, days_ago=100)
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM) == Forgotten(by_age=3, by_count=0)
    assert not ErrorEvent.objects.exists()
    kept = event_find(project_id=first.origin.project_id, error_id=first.envelope.error_id)
    assert isinstance(kept, KeptError)
    assert (kept.reason, kept.message, bytes(kept.payload)) == ("first", first.envelope.message, first.payload)


def test_it_keeps_each_recurrence() -> None:
    _stored(1, days_ago=10)
    incident = Incident.objects.get()
    with atomic_write():
        Incident.objects.update(status="closed", closed_at=utcnow() - timedelta(days=5))
    again = _stored(2, release="shop@2.0.0")[0]
    copies = dict(KeptError.objects.values_list("reason", "error_id"))
    assert copies["recurrence"] == again.envelope.error_id
    assert set(KeptError.objects.values_list("incident_id", flat=True)) == {incident.pk}


def test_kept_copies_are_append_only() -> None:
    _stored()
    with pytest.raises(IntegrityError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM infra_error_kept")
    with pytest.raises(IntegrityError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("UPDATE infra_error_kept SET message = 'another'")


def test_it_forgets_a_groups_oldest_beyond_the_count(settings: Settings) -> None:
    settings.READINESS_EVENTS_PER_INCIDENT = 3
    loud = _stored(8, message="loud")
    quiet = _stored(2, message="quiet and different")
    would = cleanup_preview(retention_days=90)
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM) == would == Forgotten(by_age=0, by_count=5)
    left = set(ErrorEvent.objects.values_list("error_id", flat=True))
    assert left == {error.envelope.error_id for error in [*loud[-3:], *quiet]}, "the newest of each group"
    assert sum(ErrorRollup.objects.values_list("events", flat=True)) == 10, "the trend still knows them all"
    assert Incident.objects.filter(occurrences=8).exists(), "and so does the incident"
    assert _in_balance(), "reconciliation knows what left"
    assert not DeletionPermit.objects.exists()
    assert DeletionAudit.objects.filter(reason="retention of 3 events an incident").exists()


def test_zero_keeps_all(settings: Settings) -> None:
    settings.READINESS_EVENTS_PER_INCIDENT = 0
    _stored(5)
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM) == Forgotten(by_age=0, by_count=0)
    assert ErrorEvent.objects.count() == 5


def test_a_dry_run_counts_what_would_go_by_age_and_by_number(settings: Settings) -> None:
    settings.READINESS_EVENTS_PER_INCIDENT = 3
    _stored(2, days_ago=100)
    _stored(5)
    out = StringIO()
    call_command("cleanup_old_errors", "--dry-run", stdout=out)
    assert out.getvalue().startswith("2 errors are older than 90 days, and 2 beyond what their incidents keep;")
    assert ErrorEvent.objects.count() == 7
    call_command("cleanup_old_errors", stdout=out)
    assert out.getvalue().endswith("2 errors older than 90 days, and 2 beyond what their incidents keep forgotten.\n")
    assert ErrorEvent.objects.count() == 3


def test_a_project_may_keep_more_or_fewer(settings: Settings) -> None:
    settings.READINESS_EVENTS_PER_INCIDENT = 1
    stored = _stored(5)
    with atomic_write():
        CaptureSettings.objects.create(project_id=stored[0].origin.project_id, events_per_incident=4)
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM).by_count == 1
    with atomic_write():
        CaptureSettings.objects.update(events_per_incident=0)
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM).by_count == 0


# (group, days ago) of each error
HISTORIES = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 200)), min_size=1, max_size=12)


@settings_of(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=HISTORIES, days=st.integers(1, 120), most=st.integers(0, 3), recurs=st.booleans())
def test_whatever_retention_takes_first_and_recurrence_events_survive(
    history: list[tuple[str, int]], days: int, most: int, recurs: bool, settings: Settings
) -> None:
    settings.READINESS_EVENTS_PER_INCIDENT = most
    with transaction.atomic():
        expected = {}
        for group, days_ago in sorted(history, key=lambda entry: -entry[1]):
            (error,) = _stored(1, days_ago=days_ago, message=f"group {group}")
            expected.setdefault((group, "first"), error)
        if recurs:
            with atomic_write():
                Incident.objects.update(status="closed", closed_at=utcnow() - timedelta(hours=1))
            for group in {group for group, _ in history}:
                (error,) = _stored(1, message=f"group {group}", release="shop@2.0.0")
                expected[group, "recurrence"] = error
        for _ in range(2):  # a second run takes nothing that the first left
            cleanup_old_errors(retention_days=days, actor=SYSTEM)
        for (_, reason), error in expected.items():
            kept = KeptError.objects.get(error_id=error.envelope.error_id)
            found = event_find(project_id=error.origin.project_id, error_id=error.envelope.error_id)
            assert (kept.reason, bytes(kept.payload)) == (reason, error.payload)
            assert found is not None
        assert KeptError.objects.count() == len(expected)
        transaction.set_rollback(True)
