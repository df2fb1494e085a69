"""What of a key's errors was not kept, in figures for people."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from incidents.errors.services.limits import REASON_WORDS, LimitReason

DAY = timedelta(hours=24)


class HourDrops(Protocol):
    """One project's errors that are not kept, in one hour, of one key and for one reason."""

    @property
    def project_id(self) -> int: ...
    @property
    def hour(self) -> datetime: ...
    @property
    def reason(self) -> str: ...
    @property
    def key_kind(self) -> str: ...
    @property
    def key_id(self) -> int: ...
    @property
    def quantity(self) -> int: ...


@dataclass(frozen=True, slots=True)
class KeyDropLine:
    """One key and reason: how many in the last 24 hours, and in the week. `words` say the reason to a person."""

    key_kind: str
    key_id: int
    reason: str
    words: str
    day: int
    week: int


def key_lines_sum(*, rows: Iterable[HourDrops], now: datetime) -> Mapping[int, Collection[KeyDropLine]]:
    """project → its lines, the most of the week first. The last 24 hours begin with a whole hour."""
    day_from = (now - DAY).replace(minute=0, second=0, microsecond=0)
    sums: dict[tuple[int, str, int, str], list[int]] = {}
    for row in rows:
        day_and_week = sums.setdefault((row.project_id, row.key_kind, row.key_id, row.reason), [0, 0])
        day_and_week[1] += row.quantity
        if row.hour >= day_from:
            day_and_week[0] += row.quantity
    found: dict[int, list[KeyDropLine]] = {}
    for (project_id, kind, key_id, reason), (day, week) in sums.items():
        words = REASON_WORDS.get(reason, reason.replace("_", " "))
        found.setdefault(project_id, []).append(KeyDropLine(kind, key_id, reason, words, day, week))
    return {project_id: sorted(lines, key=lambda line: -line.week) for project_id, lines in found.items()}


_SAMPLED_WORDS: Mapping[str, str] = {LimitReason.INCIDENT: "over its limit", LimitReason.SPIKE: "in a spike"}


@dataclass(frozen=True, slots=True)
class SampledSpan:
    """How many errors of an incident were only counted, why (`over its limit`), and when, in UTC."""

    quantity: int
    reason: str
    words: str
    when: str


def sampled_span(*, reason: str, quantity: int, first_at: datetime | None, last_at: datetime | None) -> SampledSpan:
    """A count in words; the times are the first and the last of them all."""
    words = _SAMPLED_WORDS.get(reason, reason.replace("_", " "))
    return SampledSpan(quantity=quantity, reason=reason, words=words, when=span_words(first_at, last_at))


def span_words(first_at: datetime | None, last_at: datetime | None) -> str:
    """`14:02 to 14:09 UTC on 21 November`, `20 November 23:58 to 21 November 00:03 UTC`; empty when it is unknown."""
    if first_at is None or last_at is None:
        return ""
    one, other = f"{first_at:%H:%M}", f"{last_at:%H:%M}"
    day, last_day = f"{first_at.day} {first_at:%B}", f"{last_at.day} {last_at:%B}"
    if first_at.date() != last_at.date():
        return f"{day} {one} to {last_day} {other} UTC"
    return f"{one} UTC on {day}" if one == other else f"{one} to {other} UTC on {day}"
