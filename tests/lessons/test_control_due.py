"""Runs are asked for before they are due, each once; what is missed turns stale and is told of once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from incidents.lessons.models import Control
from incidents.lessons.services.control_due import control_ask_at, control_asks_next, control_is_due
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.workflows import (
    control_revise,
    control_run_record,
    control_states_refresh,
    controls_ask,
    controls_overdue_tell,
    incidents_needing_a_person,
)
from incidents.lessons.workflows.reading.prevention import preventions_read
from incidents.lessons.workflows.risks import lessons_risks_read
from incidents.triage.store import timeline_of
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_control, a_proven_control, a_run, an_api_key, an_incident

LATER = "1" * 40
DUE = datetime(2026, 3, 8, tzinfo=UTC)
WEEK = timedelta(days=7)
PERIODS = st.integers(1, 365).map(lambda days: timedelta(days=days))


def test_it_asks_a_tenth_of_the_period_before_and_an_hour_at_the_least() -> None:
    assert DUE - control_ask_at(due_at=DUE, period=WEEK) == timedelta(hours=16, minutes=48)
    assert DUE - control_ask_at(due_at=DUE, period=timedelta(hours=3)) == timedelta(hours=1)


@given(period=PERIODS, since=st.floats(0, 2))
def test_it_is_due_from_its_asking_on(period: timedelta, since: float) -> None:
    ask_at, now = control_ask_at(due_at=DUE, period=period), DUE - period + since * period
    assert DUE - period < ask_at < DUE
    assert control_is_due(state=ControlState.PROVEN, due_at=DUE, period=period, now=now) == (now >= ask_at)


@pytest.mark.parametrize("state", list(ControlState))
def test_it_wants_a_run_of_what_a_pass_would_keep_or_mend(state: ControlState) -> None:
    again = control_is_due(state=state, due_at=DUE, period=WEEK, now=DUE - WEEK)
    assert again == (state in ("stale", "broken"))
    assert not control_is_due(state=state, due_at=None, period=WEEK, now=DUE)


def test_it_arms_each_due_time_once() -> None:
    ask_at = control_ask_at(due_at=DUE, period=WEEK)
    proven, stale, before = ControlState.PROVEN, ControlState.STALE, DUE - WEEK
    assert control_asks_next(state=proven, due_at=DUE, period=WEEK, before=(proven, before)) == (True, ask_at)
    assert control_asks_next(state=proven, due_at=DUE, period=WEEK, before=(stale, DUE)) == (True, ask_at)
    assert control_asks_next(state=proven, due_at=DUE, period=WEEK, before=(proven, DUE))[0] is False
    assert control_asks_next(state=stale, due_at=DUE, period=WEEK, before=(proven, DUE)) == (True, None)


# --- through the database ---------------------------------------------------------------------------------------------


def notices(kind: str) -> list[str]:
    rows = OutboxMessage.objects.filter(topic="notice", key__contains=f":{kind}:").order_by("pk")
    return [str(row.payload["title"]) for row in rows]


def passed(control: Control, *, days_ago: float) -> Control:
    """As if its newest pass on main had been that long ago."""
    at = utcnow() - timedelta(days=days_ago)
    due_at = at + timedelta(days=control.period_days)
    with atomic_write():
        Control.objects.filter(pk=control.pk).update(
            progress={**control.progress, "green_at": at.isoformat()}, pass_due_at=due_at,
            ask_at=control_ask_at(due_at=due_at, period=timedelta(days=control.period_days)),
        )  # fmt: skip
    return Control.objects.get(pk=control.pk)


@pytest.mark.django_db
def test_it_asks_once_for_each_due_time_and_again_after_the_next_pass() -> None:
    soon = passed(a_proven_control(), days_ago=6.5)
    passed(a_proven_control(), days_ago=3)
    passed(a_proven_control(incident=an_incident(synthetic=True)), days_ago=6.5)
    assert [controls_ask(), controls_ask()] == [1, 0]
    assert notices("due") == [f"{soon.public_id} “{soon.title}” is due"]
    message = OutboxMessage.objects.get(topic="notice", key__contains=":due:")
    assert "due --run" in message.payload["text"]
    assert message.payload["page"] == f"/controls/{soon.public_id}/"
    control_run_record(control_id=soon.pk, report=a_run("error", LATER, on_main=True), reporter=ANYBODY)
    assert controls_ask() == 0
    control_run_record(control_id=soon.pk, report=a_run("passed", LATER, on_main=True), reporter=ANYBODY)
    again = Control.objects.get(pk=soon.pk)
    assert again.ask_at is not None
    assert timedelta(days=6) < again.ask_at - utcnow() < timedelta(days=6, hours=8)


@pytest.mark.django_db
def test_it_tells_of_staleness_once_and_asks_no_more() -> None:
    control = passed(a_proven_control(), days_ago=8)
    assert [control_states_refresh(), control_states_refresh()] == [1, 0]
    assert notices("stale") == [f"{control.public_id} “{control.title}” is stale"]
    assert controls_ask() == 0
    assert not notices("due")


@pytest.mark.django_db
def test_it_tells_once_of_each_day_that_passed_unproven_and_shows_it() -> None:
    today = utcnow().date()
    late = a_control(incident=an_incident(incident={"priority": "P1"}), due_on=today - timedelta(days=1))
    a_control(due_on=today)
    a_control(incident=an_incident(synthetic=True), due_on=today - timedelta(days=1))
    kept = a_proven_control()
    with atomic_write():  # proven in time, and stale since: that is told as what it is
        Control.objects.filter(pk=kept.pk).update(due_on=today - timedelta(days=9), state="stale")
    assert [controls_overdue_tell(), controls_overdue_tell()] == [1, 0]
    assert notices("overdue") == [f"{late.public_id} “{late.title}” is overdue"]
    message = OutboxMessage.objects.get(topic="notice", key=f"{late.public_id}:overdue:{late.due_on}")
    assert (message.payload["priority"], message.payload["facts"]["Due"]) == ("P1", str(late.due_on))
    assert message.payload["text"].startswith(f"It was to be proven by {late.due_on}. The root cause names no")
    assert timeline_of(late.incident_id)[-1].kind == "control-overdue"
    assert [item.code for item in incidents_needing_a_person() if item.control == late.public_id] == ["overdue"]
    assert "control_overdue" in {risk.kind for risk in lessons_risks_read(project_id=None, limit=50)}
    assert preventions_read().overdue == 1
    control_revise(control_id=late.pk, changes={"due_on": today - timedelta(days=2)}, actor=ANYBODY)
    assert controls_overdue_tell() == 1  # another promise, and that is over as well
    control_revise(control_id=late.pk, changes={"due_on": today + timedelta(days=2)}, actor=ANYBODY)
    assert controls_overdue_tell() == 0


@pytest.mark.django_db
def test_ci_asks_what_to_run(client: Client) -> None:
    key = an_api_key("controls:write")
    overdue, soon = passed(a_proven_control(), days_ago=9), passed(a_proven_control(), days_ago=6.5)
    passed(a_proven_control(), days_ago=1)
    a_control(kind="playbook", command="", check_first="Is it up?")
    controls_ask()  # asked for or not, it is due
    answer = client.get("/v1/controls/due", headers={"Authorization": f"Bearer {key.key}"})
    assert answer.status_code == 200
    listed = answer.json()["controls"]
    assert [(item["control"], item["state"], item["overdue"]) for item in listed] == [
        (overdue.public_id, "stale", True), (soon.public_id, "proven", False),
    ]  # fmt: skip
    assert listed[0]["command"] == overdue.command
    assert listed[0]["due_at"].endswith("Z")
    assert client.post("/v1/controls/due", headers={"Authorization": f"Bearer {key.key}"}).status_code == 405
    assert client.get("/v1/controls/due").status_code == 401
    other = an_api_key("ops:read")
    assert client.get("/v1/controls/due", headers={"Authorization": f"Bearer {other.key}"}).status_code == 403
