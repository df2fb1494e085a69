"""Processes of one machine take turns at what only one of them can do at a time; a process's requests share the places
for what costs much memory.
"""

import fcntl
import os
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from readiness.infra.refusals import RateLimited

PLACES = "readiness.places"  # in a request's environment: what it holds
_open: dict[Path, int] = {}


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Wait for the file's lock, in a queue in the kernel; a process that dies gives it back. One thread a process.

    SQLite has one writer, and who finds it busy sleeps and asks again, up to a tenth of a second late: two processes
    that commit all the time would answer each other's clients after a second. Those that queue here do not.
    """
    descriptor = _open.get(path)
    if descriptor is None:
        descriptor = _open[path] = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


class Places:
    """So many requests of this process at once may do something that costs much memory; others wait a while."""

    def __init__(self, number: int, *, what: str, wait_s: float) -> None:
        self._free = threading.BoundedSemaphore(number)
        self._what, self._wait_s = what, wait_s

    def take(self, environment: MutableMapping[str, Any]) -> None:
        """A place until the request has been answered. Raises RateLimited when none becomes free in time."""
        held = environment.setdefault(PLACES, {})
        if self in held:
            return
        if not self._free.acquire(timeout=self._wait_s):
            seconds = str(round(self._wait_s))
            raise RateLimited(
                f"Too many {self._what} are under way; send it again in {seconds} s, or send smaller ones.",
                headers={"Retry-After": seconds},
            )
        held[self] = self._free


def places_leave(environment: MutableMapping[str, Any]) -> None:
    """The request has been answered: whatever it held is free again."""
    for free in environment.pop(PLACES, {}).values():
        free.release()
