"""Keeping a rule quiet for a while: always with an end, a reason and a name. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from readiness.infra.refusals import FieldError, Invalid

UNTIL = "until"
# What a person may choose, beside a time of their own.
SPANS: Mapping[str, tuple[str, timedelta]] = MappingProxyType(
    {
        "hour": ("for an hour", timedelta(hours=1)),
        "day": ("for a day", timedelta(days=1)),
        "week": ("for a week", timedelta(days=7)),
    }
)
CHOICES = (*((key, words) for key, (words, _) in SPANS.items()), (UNTIL, "until a time"))
LONGEST = timedelta(days=31)
REASON_CHARS = 200


@dataclass(frozen=True, slots=True)
class Mute:
    """Until when, and why."""

    until: datetime
    because: str


def mute_plan(*, span: str, until: datetime | None, because: str, now: datetime) -> Mute:
    """An hour, a day, a week, or `until` a time that is to come and at most 31 days off. Raises Invalid."""
    because = " ".join(because.split())
    errors: list[FieldError] = []
    if span not in SPANS and span != UNTIL:
        errors.append(FieldError("/span", "Choose an hour, a day, a week, or a time."))
    if span == UNTIL and (until is None or until <= now):
        errors.append(FieldError("/until", "Give a time that is still to come; it is read as UTC."))
    if span == UNTIL and until is not None and until > now + LONGEST:
        detail = f"A rule is quiet for {LONGEST.days} days at most. Remove it, if nobody shall hear of this any more."
        errors.append(FieldError("/until", detail))
    if not because or len(because) > REASON_CHARS or not because.isprintable():
        detail = f"Say why, in one line of at most {REASON_CHARS} characters: others will wonder why they hear nothing."
        errors.append(FieldError("/because", detail))
    if errors:
        raise Invalid(f"The rule is not muted. {' '.join(error.detail for error in errors)}", errors=errors)
    return Mute(now + SPANS[span][1] if span in SPANS else until or now, because)
