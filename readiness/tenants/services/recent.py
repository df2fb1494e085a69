"""Answers remembered for a moment: what keeps authentication off the database on the hot path."""

from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentAnswers(Generic[K, V]):
    """`key → answer or None`, each for at most `seconds`, at most `size` of either kind.

    A remembered None (an unknown key) has its own room, so that a flood of wrong keys cannot push the right ones out.
    An answer's age counts from before it was looked up: whatever was committed earlier than `seconds` ago is seen.
    While one thread looks an old answer up again, the others are given it for at most `seconds` more: a key that
    sixty threads use costs one look-up, not sixty. Reads take no lock (a dict's `get` is atomic); the writes, once a
    key and second, do. The oldest entry leaves first.
    """

    def __init__(self, *, seconds: float, size: int, clock: Callable[[], float] = monotonic) -> None:
        self._seconds, self._size, self._clock = seconds, size, clock
        self._known: dict[K, tuple[float, V | None]] = {}
        self._unknown: dict[K, tuple[float, V | None]] = {}
        self._lock = Lock()
        self._asking: set[K] = set()

    def get(self, key: K, look_up: Callable[[], V | None]) -> V | None:
        """The remembered answer, or `look_up()`'s, remembered from now on."""
        now = self._clock()
        found = self._known.get(key) or self._unknown.get(key)
        if found is not None and found[0] > now:
            return found[1]
        with self._lock:
            if found is not None and key in self._asking and found[0] + self._seconds > now:
                return found[1]
            self._asking.add(key)
        try:
            answer = look_up()
            self._remember(key, answer, now)
        finally:
            with self._lock:
                self._asking.discard(key)
        return answer

    def _remember(self, key: K, answer: V | None, now: float) -> None:
        with self._lock:
            self._known.pop(key, None)
            self._unknown.pop(key, None)
            room = self._unknown if answer is None else self._known
            while len(room) >= self._size:
                del room[next(iter(room))]
            room[key] = (now + self._seconds, answer)

    def forget_all(self) -> None:
        """Look everything up afresh: after a change made in this very process."""
        with self._lock:
            self._known.clear()
            self._unknown.clear()

    def __len__(self) -> int:
        return len(self._known) + len(self._unknown)
