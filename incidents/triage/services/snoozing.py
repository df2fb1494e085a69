"""Putting an incident off: until when, and what wakes it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
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
