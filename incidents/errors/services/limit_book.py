"""What one process knows of the present minute: the installation's figures as of its last commit, and its own since.

Every process counts what it takes in, adds that to the installation's windows in the transaction that it commits anyway
(once a second, sooner when a limit is near), and hears the sums in return. So each door refuses and samples by the
figures of all of them, late by a second or a twentieth of the limit at most, and no look-up stands in a request's way.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from incidents.errors.services.limits import (
    PAST_MINUTES,
    LimitReason,
    Limits,
    Past,
    group_allowance,
    key_admits,
    minute_of,
    past_fold,
    past_wait,
    sample_keeps,
    seconds_left,
)

WRITE_EVERY = 1.0  # seconds
SHARE = 20  # a limit's share after which a process tells the others at once
KEY, GROUP = "key", "group"
MOST = 20_000  # windows in one minute: a flood of new groups is stored as it comes, and held by the limit of its key


class Ref(NamedTuple):
    """Whose window: `scope` is `key` (`dsn:4`, `api:7`) or `group` (a fingerprint)."""

    project_id: int
    scope: str
    ref: str


class Window(NamedTuple):
    """A window's minute (since 1970, UTC), and how many errors it is to be raised by."""

    minute: int
    ref: Ref
    events: int
    kept: int


class GroupMinute(NamedTuple):
    """What all processes counted of a group in a minute that is over."""

    minute: int
    project_id: int
    fingerprint: str
    events: int
    kept: int


@dataclass(slots=True)
class _Count:
    """`known` is everybody's as of the last write, `fresh` this process's since; `allowed` holds under `limits`."""

    known: int = 0
    fresh: int = 0
    fresh_kept: int = 0
    over: int = 0
    limits: Limits | None = None
    allowed: float = 0.0
    reason: LimitReason = LimitReason.INCIDENT


@dataclass(frozen=True, slots=True)
class Writing:
    """Windows on their way into a commit: `rows` in the order of their keys, and whose figures they are."""

    rows: Sequence[Window]
    counts: Sequence[_Count]


class LimitBook:
    """Thread-safe. Times are UNIX seconds; a clock that steps back a moment stays in its minute."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._minute = 0
        self._counts: dict[Ref, _Count] = {}
        self._ended: list[tuple[int, Ref, _Count]] = []  # of minutes that are over, not written yet
        self._pasts: dict[tuple[int, str], tuple[int, Past]] = {}  # as of the beginning of a minute
        self._folded = 0  # pasts hold everything before the beginning of this minute
        self._written_at = 0.0
        self._pressing = False

    # --- decisions --------------------------------------------------------------------------------------------------

    def key_is_full(self, ref: Ref, *, limits: Limits, now: float) -> bool:
        """The key has nothing left of its minute; nothing is counted."""
        with self._lock:
            count = self._count(ref, now)
            return count is not None and not key_admits(used=count.known + count.fresh, limit=limits.key_per_minute)

    def key_take(self, ref: Ref, *, errors: int, limits: Limits, now: float) -> int:
        """Take a request's errors in (0), or the seconds after which the key may send again."""
        with self._lock:
            count = self._count(ref, now)
            if count is None:
                return 0
            if not key_admits(used=count.known + count.fresh, limit=limits.key_per_minute):
                return seconds_left(now)
            count.fresh += errors
            if count.fresh * SHARE >= limits.key_per_minute:
                self._pressing = True
            return 0

    def group_take(self, *, project_id: int, fingerprint: str, limits: Limits, now: float) -> LimitReason | None:
        """None: keep this error in full. Else why it is only counted."""
        ref = Ref(project_id, GROUP, fingerprint)
        with self._lock:
            count = self._count(ref, now)
            if count is None:
                return None
            if count.limits is not limits:
                past = self._past(project_id, fingerprint, limits)
                count.allowed, count.reason = group_allowance(past=past, limits=limits)
                count.limits = limits
            seen = count.known + count.fresh
            count.fresh += 1
            if seen < count.allowed:
                if count.fresh * SHARE >= count.allowed:
                    self._pressing = True
                count.fresh_kept += 1
                return None
            count.over += 1
            if sample_keeps(count.over):
                count.fresh_kept += 1
                return None
            return count.reason

    # --- writing ----------------------------------------------------------------------------------------------------

    def due(self, now: float) -> Writing | None:
        """What the commit under way should write; None when it can wait."""
        with self._lock:
            self._roll(now)
            if not self._pressing and abs(now - self._written_at) < WRITE_EVERY:
                return None
            taken = [*self._ended, *((self._minute, ref, count) for ref, count in self._counts.items())]
            taken = sorted((entry for entry in taken if entry[2].fresh), key=lambda entry: entry[:2])
            self._written_at, self._pressing = now, False
            if not taken:
                return None
            rows = [Window(minute, ref, count.fresh, count.fresh_kept) for minute, ref, count in taken]
            return Writing(rows, [count for _, _, count in taken])

    def written(self, writing: Writing, totals: dict[tuple[int, Ref], int]) -> None:
        """They are committed; `totals` are the sums of all processes."""
        with self._lock:
            for row, count in zip(writing.rows, writing.counts, strict=True):
                count.fresh -= row.events
                count.fresh_kept -= row.kept
                count.known = totals[row.minute, row.ref]
            self._ended = [entry for entry in self._ended if entry[2].fresh]

    # --- the past ---------------------------------------------------------------------------------------------------

    def unread(self, now: float) -> tuple[int, int] | None:
        """The minutes [from, until) that are over and not in the pasts yet; None when all are."""
        until = minute_of(now)
        if self._folded >= until:
            return None
        return max(self._folded, until - PAST_MINUTES), until

    def fold(self, rows: Iterable[GroupMinute], *, until: int, limits_of: Callable[[int], Limits]) -> None:
        """Add minutes that are over to the pasts, oldest first; forget groups whose past says nothing any more."""
        settled: dict[int, Limits] = {}

        def limits(project_id: int) -> Limits:
            if project_id not in settled:
                settled[project_id] = limits_of(project_id)
            return settled[project_id]

        pasts = dict(self._pasts)
        for row in rows:
            key = (row.project_id, row.fingerprint)
            as_of, past = pasts.get(key, (row.minute, Past()))
            past = past_wait(past=past, minutes=row.minute - as_of, limits=limits(row.project_id))
            past = past_fold(past=past, events=row.events, kept=row.kept, limits=limits(row.project_id))
            pasts[key] = (row.minute + 1, past)
        alive = {}
        for key, (as_of, past) in pasts.items():
            now = past_wait(past=past, minutes=until - as_of, limits=limits(key[0]))
            if not now.says_nothing:
                alive[key] = (until, now)
        with self._lock:
            self._pasts, self._folded = alive, until
            for count in self._counts.values():
                count.limits = None  # allowances are computed afresh

    # --- inside the lock --------------------------------------------------------------------------------------------

    def _count(self, ref: Ref, now: float) -> _Count | None:
        self._roll(now)
        found = self._counts.get(ref)
        if found is None and (ref.scope == KEY or len(self._counts) < MOST):
            found = self._counts[ref] = _Count()
        return found

    def _roll(self, now: float) -> None:
        minute = minute_of(now)
        if minute == self._minute or minute == self._minute - 1:
            return
        self._ended += [(self._minute, ref, count) for ref, count in self._counts.items() if count.fresh]
        self._counts, self._minute, self._pressing = {}, minute, bool(self._ended)

    def _past(self, project_id: int, fingerprint: str, limits: Limits) -> Past:
        as_of, past = self._pasts.get((project_id, fingerprint), (self._minute, Past()))
        return past_wait(past=past, minutes=self._minute - as_of, limits=limits)
