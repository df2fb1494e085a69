"""Processes of one machine take turns at what only one of them can do at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
