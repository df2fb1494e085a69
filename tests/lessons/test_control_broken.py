"""A control that breaks opens an incident of its own, one at a time, linked both ways; its gate hears of it."""

from typing import Any

import pytest
from django.test import Client

from incidents.errors.models import ErrorEvent
from incidents.lessons.models import Control
from incidents.lessons.workflows import control_broken_handle, control_run_record, incidents_will_recur
from incidents.lessons.workflows.reading.prevention import preventions_read
from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.workflows import incident_set_priority
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_deliver
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_founder, a_proven_control, a_run, an_incident

pytestmark = pytest.mark.django_db
BAD, GOOD = "1" * 40, "2" * 40


def on_main(control: Control, outcome: str, commit: str) -> str:
    return control_run_record(
        control_id=control.pk, report=a_run(outcome, commit, on_main=True), reporter=ANYBODY
    ).state


def guarded(**fields: Any) -> Control:
    return a_proven_control(incident=an_incident(incident={"priority": "P1", **fields}))


def said(incident: Incident, kind: str) -> list[str]:
    return [entry.text for entry in TimelineEntry.objects.filter(incident=incident, kind=kind).order_by("pk")]


def topics() -> set[tuple[str, str]]:
    return {(row.topic, row.key) for row in OutboxMessage.objects.all()}


def test_it_opens_its_own_incident_linked_both_ways(client: Client) -> None:
    control = guarded()
    assert on_main(control, "failed", BAD) == "broken"
    outbox_deliver()
    control.refresh_from_db()
    own = control.own_incident
    assert own is not None
    assert (own.title, own.component) == (f"{control.public_id} “{control.title}” is broken", f"controls.{control}")
    assert (own.error_class, own.priority, own.project_id) == ("system.recovery", "P1", control.project_id)
    assert control.incident.public_id in said(own, "control-broken")[0]
    assert said(control.incident, "control-incident") == [
        f"{control.public_id} “{control.title}” is broken: {own.public_id} is its incident."
    ]
    client.force_login(a_founder())
    assert f'href="/incidents/{own.public_id}/"' in client.get(f"/controls/{control.public_id}/").content.decode()
    assert f'href="/controls/{control.public_id}/"' in client.get(f"/incidents/{own.public_id}/").content.decode()
    assert incidents_will_recur(incident_ids=[own.pk]) == frozenset(), "its control is what opened it"
    assert preventions_read().without == 0
    event = ErrorEvent.objects.get(error_id=own.first_error_id)
    assert event.context["commit"] == BAD
    assert event.context["control"] == control.public_id


def test_it_has_one_open_incident_and_says_when_it_holds_again() -> None:
    control = guarded()
    for outcome, commit in (("failed", BAD), ("failed", BAD[:-1] + "3"), ("passed", GOOD), ("failed", BAD)):
        on_main(control, outcome, commit)
        outbox_deliver()
    own = Incident.objects.exclude(pk=control.incident_id).get()
    assert own.occurrences == 2  # it broke twice; that it went on failing is no news
    assert len(said(own, "control-proven")) == 1
    assert "may be closed" in said(own, "control-proven")[0]
    assert said(own, "control-proven")[0].startswith(f"{control.public_id} is proven again")


def test_it_comes_back_to_its_incident_once_that_was_closed() -> None:
    control = guarded()
    on_main(control, "failed", BAD)
    outbox_deliver()
    own = Incident.objects.exclude(pk=control.incident_id).get()
    on_main(control, "passed", GOOD)
    with atomic_write():
        Incident.objects.filter(pk=own.pk).update(status="closed", closed_at=own.detected_at)
    on_main(control, "failed", BAD)
    outbox_deliver()
    own.refresh_from_db()
    assert (own.status, own.recurrences, own.recurrence_confirmed) == ("recurred", 1, True)
    assert Incident.objects.count() == 2
    notices = OutboxMessage.objects.filter(topic="notice").order_by("pk")
    assert [row.payload["kind"] for row in notices] == ["control.broken", "control.broken"]  # and no incident.recurred


def test_it_proposes_the_priority_of_what_it_guards_and_leaves_it_to_a_person() -> None:
    control = guarded(priority="P0", priority_confirmed=True)
    on_main(control, "failed", BAD)
    outbox_deliver()
    own = Incident.objects.exclude(pk=control.incident_id).get()
    assert (own.priority, own.priority_confirmed, own.priority_counts) == ("P0", False, False)
    assert said(own, "priority-proposed")[0].startswith("P0 proposed (before: P2): it is that of ")
    incident_set_priority(incident_id=own.pk, priority="P3", actor=ANYBODY)
    for outcome, commit in (("passed", GOOD), ("failed", BAD)):
        on_main(control, outcome, commit)
        outbox_deliver()
    own.refresh_from_db()
    assert (own.priority, own.priority_confirmed) == ("P3", True)  # a person's word stands


def test_it_opens_nothing_for_what_was_mended_before_the_delivery() -> None:
    control = guarded()
    on_main(control, "failed", BAD)
    on_main(control, "passed", GOOD)
    outbox_deliver()
    assert Incident.objects.count() == 1
    control_broken_handle(key="CTL-0", payload={"control_id": 0, "after": "broken"})
    assert Incident.objects.count() == 1


def test_it_tells_of_each_move_once() -> None:
    control = guarded()
    report = a_run("failed", BAD, on_main=True)
    for _ in range(2):
        control_run_record(control_id=control.pk, report=report, reporter=ANYBODY)
    on_main(control, "failed", BAD[:-1] + "3")
    keys = sorted(row.key for row in OutboxMessage.objects.filter(topic="notice", key__startswith=control.public_id))
    assert keys == [f"{control.public_id}:broken:3"]
    assert {("control.changed", control.public_id), ("control.broken", control.public_id)} <= topics()


def test_the_control_of_a_sample_tells_nobody() -> None:
    control = a_proven_control(incident=an_incident(synthetic=True))
    assert on_main(control, "failed", BAD) == "broken"
    assert not {topic for topic, key in topics() if key.startswith("CTL-")}
