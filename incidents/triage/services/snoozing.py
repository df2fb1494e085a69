"""Putting an incident off: until when, and what wakes it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from incidents.triage.services.response import response_of
from incidents.triage.services.severity import OPEN_STATES
from readiness.infra.refusals import Conflict, FieldError, Invalid

MOST_OCCURRENCES = 1_000_000
# An incident's columns when it is awake.
AWAKE: Mapping[str, object] = MappingProxyType(
    {"snoozed_at": None, "snoozed_until": None, "snoozed_occurrences": None, "snoozed_release": ""}
)


@dataclass(frozen=True, slots=True)
class Snooze:
    """One of the three: a time, a count at which it wakes, or the release after which a new one wakes it."""

    until: datetime | None = None
    occurrences: int | None = None
    release: str = ""


def _refused(detail: str, field: str) -> Invalid:
    return Invalid(f"It was not snoozed. {detail}", errors=[FieldError(f"/{field}", detail)])


def snooze_plan(
    *,
    name: str,
    priority: str,
    status: str,
    now: datetime,
    occurrences: int,
    release: str,
    until: datetime | None = None,
    more: int | None = None,
    next_release: bool = False,
) -> Snooze:
    """What puts it off: exactly one of a time, `more` occurrences from the present count on, or the next release.

    A priority sets how long at most (an hour for a P0): one that waits for a count or a release wakes then at the
    latest. Raises Invalid, and Conflict for an incident that is over.
    """
    if status not in OPEN_STATES:
        raise Conflict(f"{name} is {status}: what is over needs no snooze. If it comes back, it says so by itself.")
    if sum((until is not None, more is not None, next_release)) != 1:
        raise _refused(
            "Say one thing that wakes it: a time, a number of further occurrences, or the next release.", "until"
        )
    longest = response_of(priority).snooze_at_most
    latest = now + longest
    if until is not None:
        if until <= now:
            raise _refused("That time is past; give one that is still to come.", "until")
        if until > latest + timedelta(minutes=1):  # the minute in which the form was open
            raise _refused(
                f"A {priority} sleeps for {span_words(longest)} at most; after that, look at it again.", "until"
            )
        return Snooze(until=min(until, latest))
    bound = latest if longest <= timedelta(days=1) else None
    if more is not None:
        if not 1 <= more <= MOST_OCCURRENCES:
            raise _refused(f"Give a number of further occurrences from 1 to {MOST_OCCURRENCES:,}.", "more")
        return Snooze(until=bound, occurrences=occurrences + more)
    if not release:
        raise _refused("Its events name no release, so none can wake it: choose a time or a number.", "release")
    return Snooze(until=bound, release=release)


def wake_reason(*, snooze: Snooze, now: datetime, occurrences: int, new_release: str = "") -> str:
    """Why it wakes now; empty while it sleeps on. `new_release`: the first that appeared since it was put off."""
    if snooze.occurrences is not None and occurrences >= snooze.occurrences:
        return f"it has happened {occurrences:,} times"
    if snooze.release and new_release:
        return f"it happens in {new_release}"
    if snooze.until is not None and now >= snooze.until:
        return "its time is over"
    return ""


# What the page offers; `until` and `more` come with a field of their own.
_SPANS = {
    "1h": ("for an hour", timedelta(hours=1)),
    "4h": ("for 4 hours", timedelta(hours=4)),
    "1d": ("for a day", timedelta(days=1)),
    "7d": ("for a week", timedelta(days=7)),
    "30d": ("for 30 days", timedelta(days=30)),
}


@dataclass(frozen=True, slots=True)
class SnoozeAsked:
    """What a person chose, as snooze_plan takes it."""

    until: datetime | None = None
    more: int | None = None
    next_release: bool = False


def snooze_choices(*, priority: str, release: str) -> tuple[tuple[str, str], ...]:
    """(value, words) of what an incident of this priority may wait for, the shortest first."""
    longest = response_of(priority).snooze_at_most
    spans = tuple((value, words) for value, (words, span) in _SPANS.items() if span <= longest)
    rest = [("until", "until a time…"), ("more", "until it happens more often…")]
    return (*spans, *rest, *((("release", f"until a release after {release[:40]}"),) if release else ()))


def snooze_asked(*, wake: str, until: str, more: str, now: datetime) -> SnoozeAsked:
    """What a form says: `wake` is one of the choices, `until` ISO 8601 in UTC, `more` a number. Raises Invalid."""
    if wake in _SPANS:
        return SnoozeAsked(until=now + _SPANS[wake][1])
    if wake == "release":
        return SnoozeAsked(next_release=True)
    if wake == "more":
        digits = more.strip().replace(",", "")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 9):
            raise _refused("Give a whole number of further occurrences.", "more")
        return SnoozeAsked(more=int(digits))
    if wake == "until":
        try:
            moment = datetime.fromisoformat(until.strip())
        except ValueError:
            raise _refused("Give the time as 2026-11-30T09:00, in UTC.", "until") from None
        return SnoozeAsked(until=moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    raise _refused("Choose what wakes it.", "wake")


def snooze_words(snooze: Snooze) -> str:
    """Until when it sleeps: `until 2026-11-22 09:00 UTC`, `until it has happened 120 times`."""
    parts = []
    if snooze.occurrences is not None:
        parts.append(f"until it has happened {snooze.occurrences:,} times")
    if snooze.release:
        parts.append(f"until a release after {snooze.release}")
    if snooze.until is not None:
        time = f"{snooze.until:%Y-%m-%d %H:%M} UTC"
        parts.append(f"at the latest {time}" if parts else f"until {time}")
    return ", ".join(parts)


def span_words(span: timedelta) -> str:
    """`1 hour`, `24 hours`, `90 days`."""
    hours = int(span.total_seconds()) // 3_600
    number, unit = (hours, "hour") if hours <= 48 else (hours // 24, "day")
    return f"{number} {unit}{'' if number == 1 else 's'}"
