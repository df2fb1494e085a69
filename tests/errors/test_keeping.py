"""What outlives retention; retention by count; erasure with tombstones. Each on both databases."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import IntegrityError
from pytest_django import Settings

from incidents.errors.models import ErasureTombstone, ErrorEvent, ErrorId, ErrorRollup, KeptError, UserReport
from incidents.errors.services.captured import CapturedError
from incidents.errors.services.normalising import person_hash
from incidents.errors.store.questions import event_find
from incidents.errors.workflows import cleanup_old_errors, errors_commit, keys, person_erase, rollups_compare
from incidents.triage.models import Incident
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionAudit, DeletionPermit
from readiness.infra.refusals import Invalid
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
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM) == 3
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
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM) == 5
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
    assert cleanup_old_errors(retention_days=90, actor=SYSTEM) == 0
    assert ErrorEvent.objects.count() == 5


def test_it_erases_a_person_and_leaves_tombstones() -> None:
    hers = _stored(2, person="anna@example.com")
    others = _stored(1, person="ben@example.com", message="another failure")
    project = hers[0].origin.project_id
    with atomic_write():
        UserReport.objects.create(
            project_id=project, report_id="r1", comments="It broke.", created_at=utcnow(),
            user_hash=person_hash("anna@example.com", keys().hash_key) or "",
        )  # fmt: skip
    gone = person_erase(project_id=project, person="anna@example.com", actor=SYSTEM, reason="asked on the phone")
    assert (gone.events, gone.copies, gone.reports) == (2, 1, 1)
    assert list(ErrorEvent.objects.values_list("error_id", flat=True)) == [others[0].envelope.error_id]
    assert list(KeptError.objects.values_list("error_id", flat=True)) == [others[0].envelope.error_id]
    graves = set(ErasureTombstone.objects.values_list("error_id", "reason"))
    assert graves == {(error.envelope.error_id, "asked on the phone") for error in hers}
    assert _in_balance()
    audited = set(DeletionAudit.objects.values_list("table_name", "reason"))
    assert ("infra_error_events", "erasure: asked on the phone") in audited
    assert not DeletionPermit.objects.exists()


def test_a_retry_does_not_bring_an_erased_event_back() -> None:
    hers = _stored(1, person="anna@example.com")
    person_erase(project_id=hers[0].origin.project_id, person="anna@example.com", actor=SYSTEM, reason="asked")
    answer = errors_commit(errors=hers)
    assert answer[0].duplicate
    assert not ErrorEvent.objects.exists()
    assert ErrorId.objects.count() == 1


def test_another_projects_namesake_stays() -> None:
    _stored(1, person="anna@example.com")
    gone = person_erase(project_id=999, person="anna@example.com", actor=SYSTEM, reason="asked")
    assert (gone.events, ErrorEvent.objects.count()) == (0, 1)


@pytest.mark.parametrize(("person", "reason"), [("", "asked"), ("  ", "asked"), ("anna", " ")])
def test_it_refuses_an_erasure_of_nobody_or_for_no_reason(person: str, reason: str) -> None:
    _stored(1, person="anna")
    with pytest.raises(Invalid):
        person_erase(project_id=1, person=person, actor=SYSTEM, reason=reason)
    assert ErrorEvent.objects.count() == 1


def test_the_command_counts_erases_and_refuses() -> None:
    stored = _stored(2, person="anna")
    project = f"--project={stored[0].origin.project_id}"
    out = StringIO()
    call_command("erase_events", project, "--person=anna", "--dry-run", stdout=out)
    assert out.getvalue().startswith("2 stored events are this person's")
    with pytest.raises(CommandError, match="needs a reason") as refused:
        call_command("erase_events", project, "--person=anna")
    assert refused.value.returncode == 64
    call_command("erase_events", project, f"--error-id={stored[0].envelope.error_id}", "--reason=leaked", stdout=out)
    assert "Erased: 1 events, 1 kept copies" in out.getvalue()
    assert ErrorEvent.objects.count() == 1


def test_a_tombstone_cannot_be_removed() -> None:
    stored = _stored(1, person="anna")
    person_erase(project_id=stored[0].origin.project_id, person="anna", actor=SYSTEM, reason="asked")
    with pytest.raises(IntegrityError, match="append-only"), atomic_write():
        ErasureTombstone.objects.all().delete()
