"""Deadlines, escalation and updates, computed from the priority (requirements 347-353)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.triage.services.escalation import path_reached
from incidents.triage.services.response import (
    GRAVE,
    LESSER,
    RESPONSES,
    acknowledge_by,
    acknowledge_overdue,
    is_grave,
    next_step_at,
    reminder_due,
    response_of,
    steps_due,
    update_due_at,
)

T = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
PRIORITIES = st.sampled_from(tuple(RESPONSES))
AGES = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400))


def test_the_responses_are_those_of_the_document() -> None:
    assert [RESPONSES[p].says for p in ("P0", "P1", "P2", "P3")] == [
        "Roll back immediately.", "Investigate within 1 hour.", "Fix in the next release.", "Backlog.",
    ]  # fmt: skip
    assert acknowledge_by(priority="P1", detected_at=T) == T + HOUR
    assert acknowledge_by(priority="P3", detected_at=T) is None
    assert [RESPONSES[p].post_mortem for p in ("P0", "P1", "P2", "P3")] == [True, True, False, False]
    assert response_of("nonsense").priority == "P0"


def test_those_with_a_post_mortem_are_the_grave_ones() -> None:
    assert (GRAVE, LESSER) == (("P0", "P1"), ("P2", "P3"))
    assert [is_grave(p) for p in ("P0", "P1", "P2", "P3", "", "nonsense")] == [True, True, False, False, True, True]


@pytest.mark.parametrize(
    ("priority", "after", "steps"),
    [
        ("P0", 4 * MINUTE, 0), ("P0", 5 * MINUTE, 3), ("P0", DAY, 3),
        ("P1", 59 * MINUTE, 0), ("P1", HOUR, 1), ("P1", 89 * MINUTE, 1), ("P1", 90 * MINUTE, 2), ("P1", 9 * DAY, 2),
        ("P2", 23 * HOUR, 0), ("P2", DAY, 1), ("P2", 2 * DAY, 2), ("P3", 300 * DAY, 0),
    ],
)  # fmt: skip
def test_a_p0_goes_straight_through_and_the_others_step_by_step(priority: str, after: timedelta, steps: int) -> None:
    assert steps_due(priority=priority, detected_at=T, acknowledged_at=None, now=T + after) == steps
    assert steps_due(priority=priority, detected_at=T, acknowledged_at=T + MINUTE, now=T + after) == 0


@given(PRIORITIES, AGES, AGES)
def test_the_path_is_only_walked_up_and_executives_hear_of_p0_alone(p: str, one: timedelta, two: timedelta) -> None:
    early, late = sorted((one, two))
    told = steps_due(priority=p, detected_at=T, acknowledged_at=None, now=T + early)
    assert told <= steps_due(priority=p, detected_at=T, acknowledged_at=None, now=T + late)
    assert told <= (3 if p == "P0" else 2)
    assert (told > 0) == acknowledge_overdue(
        priority=p, status="detected", detected_at=T, acknowledged_at=None, now=T + early
    )  # fmt: skip
    following = next_step_at(priority=p, detected_at=T, told=told)
    assert following is None or following > T + early


def test_updates_are_hourly_while_a_grave_one_is_open() -> None:
    def due(priority: str, **fields: object) -> datetime | None:
        known = {"status": "acknowledged", "asleep": False, "detected_at": T, "update_from": None, **fields}
        return update_due_at(priority=priority, **known)  # type: ignore[arg-type]

    assert due("P1") == T + HOUR
    assert due("P0", update_from=T + 20 * MINUTE) == T + 80 * MINUTE
    assert due("P0", update_from=T - DAY) == T + HOUR, "what was said before it came back does not count"
    assert [due("P2"), due("P0", status="closed"), due("P0", asleep=True)] == [None, None, None]


@given(AGES, AGES)
def test_an_overdue_update_is_called_for_once_a_period(one: timedelta, two: timedelta) -> None:
    early, late = sorted((T + one, T + two))
    if not reminder_due(due_at=T, every=HOUR, reminded_at=None, now=early):
        return
    again = reminder_due(due_at=T, every=HOUR, reminded_at=early, now=late)
    assert again == ((late - T) // HOUR > (early - T) // HOUR)


def test_who_stands_on_the_path() -> None:
    path = path_reached(
        contacts=[(0, 1, "support@x.test", "Support"), (7, 1, "ada@x.test", "Ada"), (0, 2, "lead@x.test", "")],
        founders=["f@x.test"],
    )
    assert path[1].addresses == ("ada@x.test",), "a project's own come before the installation's"
    assert path[2].words == "lead@x.test"
    assert (path[3].words, path[3].by_default) == ("f@x.test, as founder", True)
    assert path_reached(contacts=[], founders=[])[1].words == "nobody can be reached"
