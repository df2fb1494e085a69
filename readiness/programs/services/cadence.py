"""The calendar of a program: dates follow from the rhythm; a stored date that disagrees is a warning (A1, A5)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from readiness.programs.services.definition import Review, Rhythm

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledReview:
    """A review with its computed next date (None for a trigger); `warning` when the document claims another date."""

    review: Review
    next_on: date | None
    warning: str = ""


def review_next(*, review: Review, after: date) -> date | None:
    """The first date of the review strictly after `after`; None for one that an event triggers.

    Weekly: the next such weekday. Bi-weekly: `start` plus a multiple of fourteen days. Daily: the next day.
    """
    if review.rhythm is Rhythm.DAILY:
        return after + timedelta(days=1)
    if review.rhythm is Rhythm.WEEKLY and review.weekday is not None:
        return after + timedelta(days=(review.weekday - after.weekday() - 1) % 7 + 1)
    if review.rhythm is Rhythm.BIWEEKLY and review.start is not None:
        if after < review.start:
            return review.start
        return review.start + timedelta(days=14 * ((after - review.start).days // 14 + 1))
    return None


def reviews_schedule(*, reviews: Sequence[Review], after: date) -> tuple[ScheduledReview, ...]:
    """Every review with its next date after `after`, and a warning where a stated date disagrees."""
    return tuple(_scheduled(review=review, after=after) for review in reviews)


def _scheduled(*, review: Review, after: date) -> ScheduledReview:
    computed = review_next(review=review, after=after)
    warning = ""
    # A stated date that has passed is the claim of an older document, not a disagreement about the next one.
    if review.stated is not None and review.stated > after and computed not in (None, review.stated):
        assert computed is not None
        warning = (
            f"{review.what}: the document says {review.stated} ({review.stated:%A}), "
            f"its {_rhythm_words(review)} rhythm gives {computed} ({computed:%A})."
        )
    return ScheduledReview(review=review, next_on=computed, warning=warning)


def _rhythm_words(review: Review) -> str:
    if review.rhythm is Rhythm.WEEKLY and review.weekday is not None:
        return f"weekly {WEEKDAYS[review.weekday].capitalize()}"
    return "bi-weekly" if review.rhythm is Rhythm.BIWEEKLY else review.rhythm.value


def deciding_review(*, reviews: Sequence[Review]) -> Review | None:
    """The review that takes the verdict: the one marked so, else the first that has a date."""
    marked = next((r for r in reviews if r.decides), None)
    return marked or next((r for r in reviews if r.rhythm is not Rhythm.TRIGGER), None)


def earliest_decision(*, reviews: Sequence[Review], today: date, needs_days: int) -> date | None:
    """The first deciding review once `needs_days` of waiting are over, if they start today; None without a review."""
    review = deciding_review(reviews=reviews)
    return review_next(review=review, after=today + timedelta(days=needs_days - 1)) if review else None
