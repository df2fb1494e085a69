"""What puts an incident off, for how long at most, and what wakes it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from incidents.triage.services.snoozing import (
    Snooze,
    snooze_asked,
    snooze_choices,
    snooze_plan,
    snooze_words,
    wake_reason,
)
from readiness.infra.refusals import Conflict, Invalid

T = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def plan(**fields: Any) -> Snooze:
    known = {"name": "INC-1", "priority": "P2", "status": "detected", "now": T, "occurrences": 20, "release": "2.0"}
    return snooze_plan(**{**known, **fields})


def test_a_p0_sleeps_for_an_hour_at_most_whatever_it_waits_for() -> None:
    assert plan(priority="P0", until=T + HOUR).until == T + HOUR
    with pytest.raises(Invalid, match="1 hour at most"):
        plan(priority="P0", until=T + 2 * HOUR)
    assert plan(priority="P0", more=5) == Snooze(until=T + HOUR, occurrences=25)
    assert plan(priority="P0", next_release=True) == Snooze(until=T + HOUR, release="2.0")
    assert [value for value, _ in snooze_choices(priority="P0", release="")] == ["1h", "until", "more"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"until": T - HOUR}, "past"), ({"more": 0}, "from 1"), ({"more": 10**9}, "from 1"), ({}, "one thing"),
        ({"until": T + DAY, "more": 3}, "one thing"), ({"release": "", "next_release": True}, "no release"),
        ({"until": T + 100 * DAY}, "90 days"),
    ],
)  # fmt: skip
def test_it_refuses_what_would_never_or_always_wake(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        plan(**fields)


def test_what_is_over_is_not_snoozed() -> None:
    with pytest.raises(Conflict, match="is closed"):
        plan(status="closed", until=T + DAY)


def test_what_wakes_it() -> None:
    by_count = plan(more=10)
    assert wake_reason(snooze=by_count, now=T + DAY, occurrences=29) == ""
    assert wake_reason(snooze=by_count, now=T, occurrences=30) == "it has happened 30 times"
    by_release = plan(next_release=True)
    assert wake_reason(snooze=by_release, now=T, occurrences=99) == ""
    assert wake_reason(snooze=by_release, now=T, occurrences=20, new_release="2.1") == "it happens in 2.1"
    assert wake_reason(snooze=plan(until=T + HOUR), now=T + HOUR, occurrences=0) == "its time is over"
    assert snooze_words(plan(priority="P0", more=5)) == (
        "until it has happened 25 times, at the latest 2026-11-21 10:00 UTC"
    )


def test_what_a_form_says() -> None:
    assert snooze_asked(wake="4h", until="", more="", now=T).until == T + 4 * HOUR
    assert snooze_asked(wake="until", until="2026-11-30T09:00", more="", now=T).until == T + 9 * DAY
    assert snooze_asked(wake="more", until="", more="1,000", now=T).more == 1_000
    for wake, until, more in (
        ("until", "soon", ""),
        ("more", "", "٣"),
        ("more", "", "-1"),
        ("", "", ""),
        ("x", "", ""),
    ):
        with pytest.raises(Invalid):
            snooze_asked(wake=wake, until=until, more=more, now=T)
