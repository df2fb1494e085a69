"""Errors are counted into incidents where they are stored: one group, one incident, every figure exact."""

import datetime as dt
from typing import Any

import pytest
from django.db import connection

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentFingerprint, IncidentHour, IncidentRelease, TimelineEntry
from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_pending
from readiness.infra.transactions import atomic_write
from tests.factories import a_captured_error, an_incident

pytestmark = pytest.mark.django_db


def test_errors_of_one_group_are_one_incident() -> None:
    errors_commit(errors=[a_captured_error(), a_captured_error(release="shop@1.1.0")])
    errors_commit(errors=[a_captured_error()])
    incident = Incident.objects.get()
    assert incident.occurrences == 3
    assert {(r.release, r.occurrences) for r in IncidentRelease.objects.all()} == {("shop@1.0.0", 2), ("shop@1.1.0", 1)}
    assert sum(hour.occurrences for hour in IncidentHour.objects.all()) == 3
    assert [entry.kind for entry in TimelineEntry.objects.all()] == ["detected"]
    assert IncidentFingerprint.objects.count() == 1


def test_the_same_group_of_two_projects_is_two_incidents() -> None:
    errors_commit(errors=[a_captured_error(project_id=1), a_captured_error(project_id=2)])
    assert Incident.objects.count() == 2


def test_first_and_last_seen_follow_the_events_own_time() -> None:
    now = utcnow().replace(microsecond=0)
    for minutes in (10, 30, 20):
        errors_commit(errors=[a_captured_error(timestamp=(now - dt.timedelta(minutes=minutes)).isoformat())])
    incident = Incident.objects.get()
    assert (incident.first_seen, incident.last_seen) == (now - dt.timedelta(minutes=30), now - dt.timedelta(minutes=10))


def test_many_occurrences_ask_for_more() -> None:
    errors_commit(errors=[a_captured_error()])
    assert Incident.objects.get().ops_severity == "attention"
    errors_commit(errors=[a_captured_error() for _ in range(9)])
    assert Incident.objects.get().ops_severity == "action"
    errors_commit(errors=[a_captured_error() for _ in range(90)])
    assert Incident.objects.get().ops_severity == "urgent"


def test_the_worst_severity_stays() -> None:
    errors_commit(errors=[a_captured_error(level="fatal")])
    errors_commit(errors=[a_captured_error(level="warning")])
    assert Incident.objects.get().severity == "CRITICAL"
    assert Incident.objects.get().priority == "P1"


def test_a_batch_costs_the_same_queries_however_large(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    errors_commit(errors=[a_captured_error()])
    with django_assert_max_num_queries(10):
        errors_commit(errors=[a_captured_error() for _ in range(100)])


def resolved(**fields: Any) -> Incident:
    return an_incident(
        fingerprint=["again"], incident={"status": "closed", "closed_at": utcnow() - dt.timedelta(minutes=5), **fields}
    )


def happens_again(incident: Incident, **fields: Any) -> Incident:
    again = a_captured_error(fingerprint=["again"], **fields)
    errors_commit(errors=[again])
    incident.refresh_from_db()
    return incident


def test_a_resolved_incident_recurs_in_a_new_release() -> None:
    incident = happens_again(resolved(), release="shop@2.0.0", trusted=True)
    assert (incident.status, incident.recurrences, incident.recurrence_confirmed) == ("recurred", 1, True)
    assert incident.closed_at is None
    assert [m.topic for m in outbox_pending(utcnow())] == ["incident.recurred", "notice"]
    assert TimelineEntry.objects.filter(incident=incident, kind="recurred").exists()


def test_a_recurrence_under_a_public_key_waits_for_a_person() -> None:
    incident = happens_again(resolved(), release="shop@2.0.0")
    assert (incident.status, incident.recurrence_confirmed) == ("recurred", False)
    assert [m.topic for m in outbox_pending(utcnow())] == ["notice"]


def test_an_old_release_does_not_reopen() -> None:
    incident = resolved()
    with atomic_write():
        IncidentRelease.objects.filter(incident=incident).update(first_seen=utcnow() - dt.timedelta(hours=1))
    assert happens_again(incident, release="shop@1.0.0").status == "closed"
    assert incident.occurrences == 2


def test_a_late_event_does_not_reopen() -> None:
    late = (utcnow() - dt.timedelta(hours=2)).isoformat()
    assert happens_again(resolved(), release="shop@2.0.0", timestamp=late).status == "closed"


def test_an_event_without_a_release_counts_by_its_time() -> None:
    assert happens_again(resolved(), release=None).status == "recurred"


def test_the_timeline_only_grows() -> None:
    incident = an_incident()
    with pytest.raises(Exception, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("UPDATE triage_timeline_entry SET text = 'x' WHERE incident_id = %s", [incident.pk])
