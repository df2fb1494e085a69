"""What time asks of incidents: the job of every minute, and the daily summary."""

from datetime import timedelta
from typing import Any

import pytest

from incidents.errors.workflows import errors_commit
from incidents.triage.models import DailySummary, EscalationContact, Incident, TimelineEntry
from incidents.triage.services import summary
from incidents.triage.services.severity import HIGH_RATE
from incidents.triage.workflows import (
    daily_summary_publish,
    daily_summary_waits,
    incident_snooze,
    incident_update,
    incidents_due,
    incidents_wait,
)
from incidents.triage.workflows.due import incident_raise, path_read
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_captured_error, a_founder, an_incident

pytestmark = pytest.mark.django_db


def ago(**span: float) -> dict[str, Any]:
    return {"detected_at": utcnow() - timedelta(**span)}


def told(kind: str) -> list[dict[str, Any]]:
    rows = OutboxMessage.objects.filter(topic="notice").order_by("pk").values_list("payload", flat=True)
    return [payload for payload in rows if payload["kind"] == kind]


def lines(incident: Incident, kind: str) -> list[str]:
    return list(
        TimelineEntry.objects.filter(incident=incident, kind=kind).order_by("pk").values_list("text", flat=True)
    )


def test_a_p0_that_nobody_takes_goes_straight_through_the_path_once() -> None:
    founder = a_founder(email="boss@example.test")
    with atomic_write():
        EscalationContact.objects.create(step=1, name="Support", email="support@example.test")
        EscalationContact.objects.create(step=2, user=founder)
    incident = an_incident(incident={"priority": "P0", **ago(minutes=6)})
    assert incidents_wait()
    assert "1 escalated" in incidents_due().lower()
    assert [line.split(": ")[1] for line in lines(incident, "escalated")] == [
        "escalated to step 1, first responder (support) (Support).",
        "escalated to step 2, engineering lead (boss@example.test).",
        "escalated to step 3, executive (boss@example.test, as founder).",
    ]
    assert [payload["facts"]["To"] for payload in told("incident.escalated")] == [
        "support@example.test", "boss@example.test", "boss@example.test",
    ]  # fmt: skip
    incidents_due()
    assert len(told("incident.escalated")) == 3, "told once"


def test_others_go_up_one_step_at_a_time_and_stop_when_somebody_has_it() -> None:
    a_founder()
    incident = an_incident(incident={"priority": "P1", **ago(minutes=61)})
    quiet = [
        an_incident(incident={"priority": "P1", **ago(minutes=59)}),
        an_incident(incident={"priority": "P1", "acknowledged_at": utcnow(), "update_from": utcnow(), **ago(hours=9)}),
        an_incident(incident={"priority": "P3", **ago(days=99)}),
        an_incident(incident={"priority": "P0", "status": "closed", "prevented_at": utcnow(), **ago(hours=9)}),
        an_incident(synthetic=True, incident={"priority": "P0", **ago(hours=9)}),
    ]
    incidents_due()
    assert len(lines(incident, "escalated")) == 1
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(**ago(minutes=91))
    incidents_due()
    assert len(lines(incident, "escalated")) == 2
    assert not any(lines(one, "escalated") for one in quiet)


def test_without_contacts_the_founders_are_told_and_who_left_is_not() -> None:
    gone = a_founder(email="gone@example.test", is_active=False)
    a_founder(email="here@example.test")
    with atomic_write():
        EscalationContact.objects.create(step=1, user=gone)
        EscalationContact.objects.create(step=2, email="lead@example.test", project_id=5)
    path = path_read(5)
    assert [path[step].addresses for step in (1, 2, 3)] == [
        ("here@example.test",), ("lead@example.test",), ("here@example.test",),
    ]  # fmt: skip
    assert path_read(6)[2].addresses == ("here@example.test",)


def test_an_overdue_update_is_called_for_once_an_hour_until_somebody_writes_it() -> None:
    taken = {"priority": "P1", "acknowledged_at": utcnow(), "status": "acknowledged", "owner": "Ada"}
    incident = an_incident(incident={**taken, **ago(minutes=61)})
    incidents_due()
    incidents_due()
    assert len(told("incident.update_due")) == 1
    assert "owner: Ada" in lines(incident, "update-due")[0]
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(
            detected_at=utcnow() - timedelta(minutes=121), reminded_at=utcnow() - timedelta(minutes=60)
        )
    incidents_due()
    assert len(lines(incident, "update-due")) == 2
    incident_update(incident_id=incident.pk, text="Rolled back.", actor=ANYBODY)
    assert not incidents_wait()


def test_it_wakes_by_time_by_count_and_by_a_new_release_and_says_so() -> None:
    sent = {"release": "shop@1.0.0", "incident": {"priority": "P2"}}
    by_time, by_count, by_release = (an_incident(fingerprint=[name], **sent) for name in ("time", "count", "release"))
    incident_snooze(incident_id=by_time.pk, actor=ANYBODY, until=utcnow() + timedelta(hours=1))
    incident_snooze(incident_id=by_count.pk, actor=ANYBODY, more=2)
    incident_snooze(incident_id=by_release.pk, actor=ANYBODY, next_release=True)
    errors_commit(errors=[a_captured_error(fingerprint=["release"], release="shop@1.0.0", environment="staging")])
    errors_commit(errors=[a_captured_error(fingerprint=["count"])])
    incidents_due()
    assert Incident.objects.filter(snoozed_at__isnull=False).count() == 3, "an old release in a new place wakes nothing"
    with atomic_write():
        Incident.objects.filter(pk=by_time.pk).update(snoozed_until=utcnow())
    errors_commit(
        errors=[
            a_captured_error(fingerprint=["count"]),
            a_captured_error(fingerprint=["release"], release="shop@1.1.0"),
        ]
    )
    assert incidents_due() == "3 woken"
    assert [lines(one, "woken") for one in (by_time, by_count, by_release)] == [
        ["Awake again: its time is over."],
        ["Awake again: it has happened 3 times."],
        ["Awake again: it happens in shop@1.1.0."],
    ]


def test_what_comes_often_is_proposed_as_p1_and_told_once() -> None:
    a_founder()
    loud = [a_captured_error(fingerprint=["loud"]) for _ in range(HIGH_RATE)]
    errors_commit(errors=loud[:-1])
    errors_commit(errors=[a_captured_error(fingerprint=["confirmed"]) for _ in range(HIGH_RATE)])
    with atomic_write():
        Incident.objects.filter(occurrences=HIGH_RATE).update(priority_confirmed=True)
    assert not incidents_wait()
    errors_commit(errors=loud[-1:])
    incident = Incident.objects.get(priority_confirmed=False)
    assert incidents_due() == "1 raised"
    incident.refresh_from_db()
    assert (incident.priority, incident.priority_confirmed, incident.revision) == ("P1", False, 1)
    assert lines(incident, "priority") == ["P2 → P1 proposed: 100 times within an hour. Investigate within 1 hour."]
    [payload] = told("incident.detected")
    assert (payload["priority"], "P1 proposed" in payload["text"]) == ("P1", True)
    assert not incidents_wait()
    assert not incident_raise(incident_id=incident.pk)
    assert Incident.objects.get(priority_confirmed=True).priority == "P2", "what a person said stays"


def test_what_sleeps_asks_for_nothing() -> None:
    incident = an_incident(incident={"priority": "P1", **ago(hours=5)})
    incident_snooze(incident_id=incident.pk, actor=ANYBODY, until=utcnow() + timedelta(hours=2))
    assert not incidents_wait()


def test_the_day_is_summed_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summary, "SUMMARY_HOUR", 24)
    assert not daily_summary_waits()
    assert not daily_summary_publish()
    monkeypatch.setattr(summary, "SUMMARY_HOUR", 0)
    an_incident(message="money leaks", exception=None, incident={"priority": "P0", **ago(hours=1)})
    an_incident()
    an_incident(synthetic=True)
    assert daily_summary_waits()
    assert daily_summary_publish()
    assert not daily_summary_publish()
    assert not daily_summary_waits()
    [payload] = told("incidents.summary")
    assert payload["title"] == "2 incidents open: 1 P0, 1 P2"
    text = DailySummary.objects.get().text
    assert "In the last 24 hours: 2 new." in text
    assert "money leaks (detected, nobody has taken it, overdue). Roll back immediately." in text
