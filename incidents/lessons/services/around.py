"""What changed around the first sight of an incident: releases and flags, in order, with offsets. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

BEFORE = timedelta(hours=24)
AFTER = timedelta(hours=1)
NEAR = timedelta(hours=1)
SHOWN = 12
_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `kind`: release or flag; `what` says it, `key` is the flag's; `who` may be empty; `near`: within the
    hour before; `before`: not after the first sight.
    """

    at: datetime
    kind: str
    key: str
    what: str
    who: str
    why: str
    offset: str
    before: bool
    near: bool


@dataclass(frozen=True, slots=True)
class FlagChanged:
    """A flag's revision, as far as it is told here."""

    at: datetime
    key: str
    action: str
    environment: str
    who: str
    reason: str


def offset_words(at: datetime, anchor: datetime) -> str:
    """`6 minutes before`, `2 hours after`, `at the same second`."""
    seconds = round((at - anchor).total_seconds())
    if seconds == 0:
        return "at the same second"
    size, unit = next(pair for pair in _UNITS if abs(seconds) >= pair[0])
    count = abs(seconds) // size
    return f"{count} {unit}{'' if count == 1 else 's'} {'before' if seconds < 0 else 'after'}"


def changes_assemble(
    *, anchor: datetime, releases: Iterable[tuple[str, datetime]], flags: Iterable[FlagChanged]
) -> tuple[Change, ...]:
    """In order of time, at most SHOWN: the nearest to `anchor`, when the incident was first seen (or came back).
    `releases`: (name, when its first error came).
    """
    changes = [
        _change(anchor, at, "release", key=name, what=f"the first error of release {name}") for name, at in releases
    ]
    changes += [
        _change(
            anchor, flag.at, "flag", key=flag.key, what=f"{flag.action} in {flag.environment}", who=flag.who,
            why=flag.reason,
        )
        for flag in flags
    ]  # fmt: skip
    nearest = sorted(changes, key=lambda change: abs(change.at - anchor))[:SHOWN]
    return tuple(sorted(nearest, key=lambda change: change.at))


def _change(anchor: datetime, at: datetime, kind: str, *, key: str, what: str, who: str = "", why: str = "") -> Change:
    return Change(
        at=at,
        kind=kind,
        key=key,
        what=what,
        who=who,
        why=why,
        offset=offset_words(at, anchor),
        before=at <= anchor,
        near=anchor - NEAR <= at <= anchor,
    )


def suspects_name(changes: Iterable[Change], similar: Iterable[str]) -> tuple[str, ...]:
    """What a person who looks for the cause would look at first, nearest last change first: a hint, not a verdict.
    `similar`: what the most similar past incidents say, as `INC-7: the gateway's budget`.
    """
    before = sorted((change for change in changes if change.before), key=lambda change: change.at, reverse=True)
    told = [
        f"{f'flag {change.key} {change.what}' if change.kind == 'flag' else change.what}, {change.offset}"
        + (f" by {change.who}" if change.who else "")
        for change in before[:3]
    ]
    return (*told, *(f"it looks like {text}" for text in list(similar)[:1]))
