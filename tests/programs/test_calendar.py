"""Review dates are computed from the rhythm; a date in the document that disagrees is a warning (A1, A5)."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.cadence import deciding_review, earliest_decision, review_next, reviews_schedule
from readiness.programs.services.definition import Review, Rhythm
from tests.programs.examples import AS_OF

MONDAYS = Review(what="Scoring", rhythm=Rhythm.WEEKLY, weekday=0, decides=True)
DAYS = st.dates(min_value=date(2000, 1, 1), max_value=date(2100, 1, 1))


def test_the_packets_next_review_is_the_monday() -> None:
    assert review_next(review=MONDAYS, after=AS_OF) == date(2026, 2, 23)
    assert review_next(review=MONDAYS, after=date(2026, 2, 23)) == date(2026, 3, 2)


def test_a_stated_date_that_disagrees_is_a_warning() -> None:
    stated = Review(what="Scoring", rhythm=Rhythm.WEEKLY, weekday=0, stated=date(2026, 2, 24))
    packet = Review(what="Packet", rhythm=Rhythm.BIWEEKLY, start=AS_OF, stated=date(2026, 2, 24))
    scoring, biweekly = reviews_schedule(reviews=[stated, packet], after=AS_OF)
    assert "2026-02-24 (Tuesday)" in scoring.warning
    assert "2026-02-23 (Monday)" in scoring.warning
    assert biweekly.next_on == date(2026, 3, 5)
    assert "2026-03-05 (Thursday)" in biweekly.warning


def test_a_stated_date_that_agrees_or_has_passed_is_none() -> None:
    right = Review(what="Scoring", rhythm=Rhythm.WEEKLY, weekday=0, stated=date(2026, 2, 23))
    old = Review(what="Scoring", rhythm=Rhythm.WEEKLY, weekday=0, stated=date(2026, 2, 10))
    assert [s.warning for s in reviews_schedule(reviews=[right, old], after=AS_OF)] == ["", ""]


def test_a_trigger_has_no_date() -> None:
    trigger = Review(what="Sev-1", rhythm=Rhythm.TRIGGER)
    assert review_next(review=trigger, after=AS_OF) is None
    assert deciding_review(reviews=[trigger]) is None
    assert deciding_review(reviews=[trigger, MONDAYS]) is MONDAYS


def test_the_earliest_decision_is_the_first_review_after_the_waiting() -> None:
    assert earliest_decision(reviews=[MONDAYS], today=AS_OF, needs_days=7) == date(2026, 3, 2)
    assert earliest_decision(reviews=[MONDAYS], today=date(2026, 2, 16), needs_days=7) == date(2026, 2, 23)
    assert earliest_decision(reviews=[], today=AS_OF, needs_days=7) is None


@given(day=DAYS, weekday=st.integers(0, 6))
def test_weekly_is_the_next_such_weekday_within_seven_days(day: date, weekday: int) -> None:
    following = review_next(review=Review(what="x", rhythm=Rhythm.WEEKLY, weekday=weekday), after=day)
    assert following is not None
    assert following.weekday() == weekday
    assert timedelta(days=1) <= following - day <= timedelta(days=7)


@given(day=DAYS, start=DAYS)
def test_biweekly_keeps_its_anchor(day: date, start: date) -> None:
    following = review_next(review=Review(what="x", rhythm=Rhythm.BIWEEKLY, start=start), after=day)
    assert following is not None
    assert following > day
    assert (following - start).days % 14 == 0
    assert following == start or following - day <= timedelta(days=14)


@pytest.mark.parametrize("rhythm", [Rhythm.DAILY])
def test_daily_is_tomorrow(rhythm: Rhythm) -> None:
    assert review_next(review=Review(what="x", rhythm=rhythm), after=AS_OF) == AS_OF + timedelta(days=1)
