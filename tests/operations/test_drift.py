"""Drift, its threshold and the window, without a database."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.operations.services.drift import (
    SETTLED_AFTER,
    STALE_AFTER,
    Drift,
    LastRun,
    RunStatus,
    drift_assess,
    drift_compute,
    drift_words,
    health_card,
    percent_words,
    reconcile_window,
)

NOW = datetime(2026, 3, 10, 12, 30, tzinfo=UTC)
ONE = Decimal("1.00")
sides = st.dictionaries(st.integers(0, 30), st.integers(1, 5))
moments = st.integers(0, 364 * 86_400).map(
    lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)


@given(source=sides, destination=sides)
def test_it_counts_every_row_that_differs_once(source: dict[int, int], destination: dict[int, int]) -> None:
    found = drift_compute(source=source, destination=destination)
    differing = {key for key in source.keys() | destination.keys() if source.get(key) != destination.get(key)}
    assert set(found.keys) == differing
    assert found.drift.rows == len(found.keys) == len(differing)
    assert found.drift.source_rows == len(source)
    expected = Decimal(len(differing)) * 100 / max(1, len(source))
    assert abs(found.drift.percent - expected) <= Decimal("0.00005")


@given(source=sides, destination=sides)
def test_it_is_nothing_once_the_keys_are_put_right(source: dict[int, int], destination: dict[int, int]) -> None:
    mended = dict(destination)
    for key in drift_compute(source=source, destination=destination).keys:
        if key in source:
            mended[key] = source[key]
        else:
            del mended[key]
    assert drift_compute(source=source, destination=mended).drift == Drift(source_rows=len(source))


@given(source=sides, destination=sides, cut=st.integers(0, 31))
def test_it_adds_up_over_pieces(source: dict[int, int], destination: dict[int, int], cut: int) -> None:
    def part(rows: dict[int, int], low: bool) -> dict[int, int]:
        return {key: count for key, count in rows.items() if (key < cut) is low}

    pieces = [
        drift_compute(source=part(source, low), destination=part(destination, low)).drift for low in (True, False)
    ]
    assert pieces[0] + pieces[1] == drift_compute(source=source, destination=destination).drift


def test_it_counts_what_has_no_source_at_all() -> None:
    assert drift_compute(source={}, destination={"a": 1, "b": 1}).drift.percent == Decimal("200.0000")


@pytest.mark.parametrize(
    ("rows", "source_rows", "alert"),
    [(0, 100, False), (1, 100, False), (1, 99, True), (2, 100, True), (1_000_001, 100_000_000, True), (1, 0, True)],
)
def test_it_alerts_above_one_per_cent_before_rounding(rows: int, source_rows: int, alert: bool) -> None:
    found = drift_assess(drift=Drift(source_rows, changed=rows), alert_above=ONE, drifted_before=False)
    assert found.alert is alert
    assert bool(found.why) is alert
    assert found.status is (RunStatus.DRIFT if rows else RunStatus.OK)


def test_it_alerts_when_little_drift_comes_back() -> None:
    assert drift_assess(drift=Drift(1_000, changed=1), alert_above=ONE, drifted_before=True).alert
    assert not drift_assess(drift=Drift(1_000), alert_above=ONE, drifted_before=True).alert


@given(now=moments, earliest=moments, covered=st.none() | moments, days=st.integers(1, 120))
def test_it_compares_whole_settled_hours_inside_retention(
    now: datetime, earliest: datetime, covered: datetime | None, days: int
) -> None:
    window = reconcile_window(now=now, retention_days=days, earliest=earliest, covered_until=covered)
    assert window.since <= window.until <= now - SETTLED_AFTER
    for end in (window.since, window.until):
        assert (end.minute, end.second, end.microsecond) == (0, 0, 0)
    retention_takes_before = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
    assert window.since > retention_takes_before
    pieces = window.days()
    assert [piece.until for piece in pieces[:-1]] == [piece.since for piece in pieces[1:]]
    assert all(piece.until - piece.since <= timedelta(days=1) for piece in pieces)
    if window.since < window.until:
        assert (pieces[0].since, pieces[-1].until) == (window.since, window.until)


def test_it_waits_until_an_hour_has_settled() -> None:
    def until(minute: int) -> datetime:
        now = NOW.replace(minute=minute)
        return reconcile_window(now=now, retention_days=90, earliest=NOW, covered_until=None).until

    assert until(4) == NOW.replace(hour=11, minute=0)
    assert until(5) == NOW.replace(hour=12, minute=0)


def test_it_goes_on_where_the_last_good_run_ended_and_looks_at_a_week_again() -> None:
    def since(covered: datetime | None) -> datetime:
        long_ago = NOW - timedelta(days=400)
        return reconcile_window(now=NOW, retention_days=90, earliest=long_ago, covered_until=covered).since

    midnight = NOW.replace(hour=0, minute=0)
    assert since(NOW - timedelta(hours=1)) == midnight - timedelta(days=7)
    twenty_days_ago = midnight - timedelta(days=20)
    assert since(twenty_days_ago) == twenty_days_ago
    assert since(None) == midnight - timedelta(days=89)


def test_it_says_little_without_saying_nothing() -> None:
    assert percent_words(Decimal("0.0001")) == "< 0.01\u00a0%"
    assert percent_words(Decimal("0.0000")) == "0.00\u00a0%"
    assert percent_words(Decimal("12.3450")) == "12.35\u00a0%"


def test_it_words_what_differed() -> None:
    assert drift_words(drift=Drift(), repaired=0) == "Nothing to compare yet."
    assert drift_words(drift=Drift(120), repaired=0) == "All 120 rows agree."
    assert (
        drift_words(drift=Drift(120, missing=1, changed=2), repaired=3)
        == "3 rows differed from the source's 120 (1 missing, 2 changed); 3 put right."
    )
    assert "none was put right" in drift_words(drift=Drift(1, extra=1), repaired=0)


@pytest.mark.parametrize(
    ("last", "kind", "word"),
    [
        (None, "neutral", "Not yet compared"),
        (LastRun(RunStatus.OK, False, 9, Decimal(0), NOW - STALE_AFTER, "All agree."), "pass", "In step"),
        (
            LastRun(RunStatus.OK, False, 9, Decimal(0), NOW - STALE_AFTER - timedelta(1), "All agree."),
            "fail",
            "Overdue",
        ),
        (LastRun(RunStatus.OK, False, 0, Decimal(0), NOW, "Nothing to compare yet."), "neutral", "Nothing to compare"),
        (LastRun(RunStatus.DRIFT, False, 9, Decimal("0.5"), NOW, "Little."), "warn", "Drift"),
        (LastRun(RunStatus.DRIFT, True, 9, Decimal("2.5"), NOW, "Much."), "fail", "Drift"),
        (LastRun(RunStatus.FAILED, True, 9, Decimal(0), NOW, "It failed."), "fail", "Failed"),
    ],
)
def test_its_card_is_red_for_drift_for_a_failed_run_and_for_a_missing_one(
    last: LastRun | None, kind: str, word: str
) -> None:
    card = health_card(last=last, now=NOW)
    assert (card.kind, card.word) == (kind, word)
    assert bool(card.mend) is (kind in ("warn", "fail") or last is None), "whatever is not fine says what to do"
    if last is not None and last.status is RunStatus.FAILED:
        assert card.number == "—", "a failed comparison knows no drift"
