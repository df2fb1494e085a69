"""What of a key's errors was not kept, in figures for people."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from incidents.errors.services.limits import REASON_WORDS, LimitReason
from incidents.errors.services.reports import REASONS


class KeyFigures(Protocol):
    """One project's errors that are not kept, of one key and for one reason, in the last 24 hours and in the week."""

    @property
    def project_id(self) -> int: ...
    @property
    def source(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def key_kind(self) -> str: ...
    @property
    def key_id(self) -> int: ...
    @property
    def day(self) -> int: ...
    @property
    def week(self) -> int: ...


@dataclass(frozen=True, slots=True)
class KeyDropLine:
    """One key and reason: how many in the last 24 hours, and in the week. `words` say the reason to a person."""

    key_kind: str
    key_id: int
    reason: str
    words: str
    day: int
    week: int


def key_lines_make(rows: Iterable[KeyFigures]) -> Mapping[int, Collection[KeyDropLine]]:
    """project → its lines, in the order of the rows."""
    found: dict[int, list[KeyDropLine]] = {}
    for row in rows:
        words = _reason_words(row.source, row.reason)
        line = KeyDropLine(row.key_kind, row.key_id, row.reason, words, row.day, row.week)
        found.setdefault(row.project_id, []).append(line)
    return found


@dataclass(frozen=True, slots=True)
class DropWords:
    """`sdk`: the SDK dropped them, else the console did. `words` say why."""

    sdk: bool
    quantity: int
    words: str


def drop_words(*, source: str, reason: str, quantity: int) -> DropWords:
    """One reason why errors never became events, in a founder's words."""
    sdk = source == "sdk"
    words = REASONS.get(reason, REASONS["other"]) if sdk else REASON_WORDS.get(reason, reason.replace("_", " "))
    return DropWords(sdk, quantity, words)


def _reason_words(source: str, reason: str) -> str:
    if source == "sdk":
        return f"dropped by the SDK: {REASONS.get(reason, REASONS['other'])}"
    return REASON_WORDS.get(reason, reason.replace("_", " "))


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
