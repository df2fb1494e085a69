"""Group commit: requests that wait at the same time share one transaction, each answered only after its commit.

One committing thread a process. While it commits, the next requests gather; it then takes them all. So the batch grows
with the load by itself, a lone request waits for nobody, and nothing is acknowledged that is not on disk.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Generic, TypeVar

from readiness.infra.metrics import batch_observe
from readiness.infra.refusals import Unavailable

T = TypeVar("T")
R = TypeVar("R")
_WAIT_S = 30.0
_GATHER_S = 0.1


class _Ticket(Generic[T, R]):
    """One request's share of a batch; its lock is released when the answer is there."""

    __slots__ = ("answers", "done", "failure", "items", "make", "since")

    def __init__(self, items: Sequence[T], make: Callable[[], Sequence[T]] | None = None) -> None:
        self.items = items
        self.make = make
        self.answers: Sequence[R] | None = None
        self.failure: Exception | None = None
        self.since = perf_counter()
        self.done = threading.Lock()
        self.done.acquire()


class GroupCommit(Generic[T, R]):
    """`commit(items)` must store all its items in one transaction and answer each, in order, or raise.

    When a batch fails, its requests are committed one by one, so that one bad item never takes others with it.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Sequence[R]],
        *,
        name: str = "group",
        max_items: int = 400,
        at_end: Callable[[], None] = lambda: None,
    ) -> None:
        """`at_end` runs in the committing thread when it ends (to close what it holds); `name` is for /metrics."""
        self._commit = commit
        self._name = name
        self._max_items = max_items
        self._at_end = at_end
        self._queue: queue.SimpleQueue[_Ticket[T, R] | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, items: Sequence[T]) -> Sequence[R]:
        """Wait until the items are committed; their answers. Raises what the commit raised, Unavailable after 30 s."""
        return self._wait(_Ticket(items))

    def submit_made(self, make: Callable[[], Sequence[T]]) -> Sequence[R]:
        """As `submit`, with the items made in the committing thread first; raises what `make` raised, too.

        For work that holds the interpreter: a dozen threads that do it side by side hand its lock to each other at
        every call into a library, and each hand-over is a context switch. One thread that does it for all does not.
        """
        return self._wait(_Ticket((), make))

    def _wait(self, ticket: _Ticket[T, R]) -> Sequence[R]:
        if self._thread is None or not self._thread.is_alive():
            self._start()
        self._queue.put(ticket)
        if not ticket.done.acquire(timeout=_WAIT_S):
            raise Unavailable(
                "The database did not commit in time; nothing is lost if you send it again.",
                headers={"Retry-After": "5"},
            )
        if ticket.failure is not None:
            raise ticket.failure
        assert ticket.answers is not None
        return ticket.answers

    def close(self) -> None:
        """Commit what waits, then end the thread; the next submit starts another."""
        with self._starting:
            thread, self._thread = self._thread, None
        if thread is not None and thread.is_alive():
            self._queue.put(None)
            thread.join(_WAIT_S)

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="group-commit", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        try:
            while (first := self._queue.get()) is not None:
                tickets, ready, last = self._gather(first)
                if ready and not self._settle(ready) and len(ready) > 1:
                    for ticket in ready:
                        self._settle([ticket])
                for ticket in tickets:
                    ticket.done.release()
                if last:
                    return
        finally:
            self._at_end()

    def _gather(self, first: _Ticket[T, R]) -> tuple[list[_Ticket[T, R]], list[_Ticket[T, R]], bool]:
        """The tickets that wait, those of them with something to commit, and whether the end was asked for behind them.

        Who comes while items are made comes along, for `_GATHER_S` at most and up to `max_items` items: a commit costs
        much the same for two as for sixteen.
        """
        tickets, ready = [first], [first] if self._make(first) else []
        size, until = len(first.items), perf_counter() + _GATHER_S
        while size < self._max_items and perf_counter() < until:
            try:
                ticket = self._queue.get_nowait()
            except queue.Empty:
                break
            if ticket is None:
                return tickets, ready, True
            tickets.append(ticket)
            if self._make(ticket):
                ready.append(ticket)
                size += len(ticket.items)
        return tickets, ready, False

    def _make(self, ticket: _Ticket[T, R]) -> bool:
        """Make the ticket's items; False when that failed, or when there is nothing to commit."""
        if ticket.make is None:
            return True
        try:
            ticket.items = ticket.make()
        except Exception as failure:  # noqa: BLE001  it belongs to the request that waits, not to this thread
            ticket.failure = failure
            return False
        ticket.answers = ()
        return bool(ticket.items)

    def _settle(self, tickets: Sequence[_Ticket[T, R]]) -> bool:
        """Commit these tickets together; False when that failed (each then knows why)."""
        items = [item for ticket in tickets for item in ticket.items]
        begun = perf_counter()
        try:
            answers = self._commit(items)
        except Exception as failure:  # noqa: BLE001  whatever it is, it belongs to the requests that wait, not to this thread
            for ticket in tickets:
                ticket.failure = failure
            self._observe(tickets[0], len(items), begun, committed=False)
            return False
        at = 0
        for ticket in tickets:
            ticket.failure = None
            ticket.answers = answers[at : at + len(ticket.items)]
            at += len(ticket.items)
        self._observe(tickets[0], len(items), begun, committed=True)
        return True

    def _observe(self, first: _Ticket[T, R], items: int, begun: float, *, committed: bool) -> None:
        took, waited = perf_counter() - begun, begun - first.since
        batch_observe(queue=self._name, items=items, seconds=took, waited_s=waited, committed=committed)
