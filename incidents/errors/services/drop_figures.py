"""What of a key's errors was not kept, in figures for people."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from incidents.errors.services.limits import REASON_WORDS

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
