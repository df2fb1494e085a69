"""What one process remembers between requests: only what cannot change, or what may lag by a few minutes."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from time import monotonic
from typing import Generic, TypeVar

from django.db import connection

T = TypeVar("T")
OPEN_DAYS = 2  # today, and yesterday: what arrived before midnight may be stored after it
CLOSED_DAYS_LAST_S = 300.0
_ALL: list["Remembered[object]"] = []


class Remembered(Generic[T]):
    """Values by key, `most` of them, the oldest forgotten first; each for `seconds`, or for as long as the process
    lives where the key names a state that does not change. Each process has its own: two may differ for `seconds`.
    """

    def __init__(self, *, most: int, seconds: float | None = None) -> None:
        self._most, self._seconds = most, seconds
        self._kept: dict[Hashable, tuple[float, T]] = {}
        _ALL.append(self)  # type: ignore[arg-type]

    def find(self, key: Hashable) -> T | None:
        kept = self._kept.get(self._full(key))
        if kept is None or (self._seconds is not None and monotonic() - kept[0] > self._seconds):
            return None
        return kept[1]

    def keep(self, key: Hashable, value: T) -> T:
        self._kept.pop(self._full(key), None)
        self._kept[self._full(key)] = (monotonic(), value)
        for oldest in list(self._kept)[: -self._most]:
            self._kept.pop(oldest, None)
        return value

    def forget(self) -> None:
        self._kept.clear()

    def _full(self, key: Hashable) -> Hashable:
        return str(connection.settings_dict["NAME"]), key  # a process that is led to another database knows nothing


def forget_all() -> None:
    """For tests: what was rolled back was never so."""
    for remembered in _ALL:
        remembered.forget()


def days_counted(
    *,
    kept: Remembered[dict[date, int]],
    dates: Sequence[date],
    count: Callable[[date], Mapping[date, int]],
) -> list[int]:
    """A figure of each of `dates` (UTC, oldest first, today last). `count` answers from a day on until today, in one
    query: it is asked for all days once in CLOSED_DAYS_LAST_S, else for today and yesterday only.

    A closed day moves by what people do to its rows afterwards (a merge, an erasure): that shows some minutes later.
    """
    closed, live = dates[:-OPEN_DAYS], dates[-OPEN_DAYS:]
    asked = tuple(closed)
    found = kept.find(asked)
    if found is None:
        counts = count(dates[0])
        kept.keep(asked, {day: counts[day] for day in closed if day in counts})
    else:
        counts = {**found, **count(live[0])}
    return [counts.get(day, 0) for day in dates]
