"""The answers that one web process keeps ready, and how old they may become.

Bounds, with the database answering: an answer is at most FRESH_S old when it is given, or FRESH_S + WAIT_S while
another thread is just looking; so a committed flip is in every process's answers well within a second. A request that
finds an older answer waits for the look instead. With the database gone, the last good answer is given for KEEP_S (the
`stale-if-error` of the header), one thread at a time tries again, and nobody else waits for it.

Nothing lives here alone: after a restart the first request reads the database.
"""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from readiness.infra.refusals import Unavailable

FRESH_S = 0.25
WAIT_S = 0.5
PAUSE_S = 0.5  # between two looks at a database that fails
KEEP_S = 86_400.0
MOST_SCOPES = 2_048

S = TypeVar("S", bound=Hashable)
A = TypeVar("A")


@dataclass(slots=True)
class _Entry(Generic[A]):
    answer: A | None = None
    looked_at: float = float("-inf")  # when the look began that the answer is good for
    failing: bool = False
    look_again_at: float = float("-inf")
    looking: threading.Lock = field(default_factory=threading.Lock)


class AnswerMemo(Generic[S, A]):
    """`load(scope, known)` looks into the database: it gives back `known` itself when nothing has changed, a new answer
    when something has, and raises Unavailable when the database cannot be asked. `on_stale(scope, problem)` is called
    once for each failed look that an old answer covered.
    """

    def __init__(
        self,
        *,
        load: Callable[[S, A | None], A],
        on_stale: Callable[[S, Unavailable], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._on_stale = on_stale
        self._clock = clock
        self._entries: dict[S, _Entry[A]] = {}

    def answer(self, scope: S) -> A:
        """The answer for `scope`, within the bounds above. Raises Unavailable when there is none to give."""
        entry = self._entries.get(scope)
        if entry is None:
            entry = self._new_entry(scope)
        now = self._clock()
        age = now - entry.looked_at
        if entry.answer is not None and (age < FRESH_S or now < entry.look_again_at):
            return entry.answer
        if entry.looking.acquire(blocking=False):
            return self._look(scope, entry)
        if entry.answer is not None and (entry.failing or age < FRESH_S + WAIT_S):
            return entry.answer
        return self._wait(scope, entry)

    def _wait(self, scope: S, entry: _Entry[A]) -> A:
        """Another thread is looking and what there is is too old: wait for it, but not for a database that hangs."""
        if entry.looking.acquire(timeout=WAIT_S):
            if entry.answer is not None and self._clock() - entry.looked_at < FRESH_S:
                entry.looking.release()
                return entry.answer
            return self._look(scope, entry)
        if entry.answer is None:
            raise Unavailable("The database is slow to answer. Try again in a second.", headers={"Retry-After": "1"})
        entry.failing = True
        return entry.answer

    def _look(self, scope: S, entry: _Entry[A]) -> A:
        """Ask the database; the caller holds `entry.looking`, which is given back here."""
        try:
            began = self._clock()
            try:
                entry.answer = self._load(scope, entry.answer)
            except Unavailable as problem:
                if entry.answer is None or began - entry.looked_at > KEEP_S:
                    raise
                entry.failing = True
                entry.look_again_at = self._clock() + PAUSE_S
                self._on_stale(scope, problem)
                return entry.answer
            entry.looked_at = began
            entry.failing = False
            return entry.answer
        finally:
            entry.looking.release()

    def _new_entry(self, scope: S) -> _Entry[A]:
        if len(self._entries) >= MOST_SCOPES:
            # Tenants and environments come and go while a process lives: the half that nobody asks for leaves.
            oldest = sorted(self._entries.items(), key=lambda item: item[1].looked_at)[: MOST_SCOPES // 2]
            for key, _ in oldest:
                self._entries.pop(key, None)
        return self._entries.setdefault(scope, _Entry())

    def forget_all(self) -> None:
        """Begin as after a start."""
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)
