"""One launcher per home: the lock that the kernel releases by itself, and the pid file that people read."""

import fcntl
import os
import signal
import time
from contextlib import suppress
from pathlib import Path


class HomeInUse(Exception):
    """Another launcher runs from this home; the text says which and what to do."""


def pid_file(home: Path) -> Path:
    return home / "run.pid"


def home_lock(home: Path) -> int:
    """Take the home for this launcher; the descriptor of the lock, to be kept open (and handed on across exec).

    Raises HomeInUse. A pid file left by a killed launcher does not matter: the lock went with the process.
    """
    home.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home / "run.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise HomeInUse(
            f"A console already runs from {home} ({_who(home)}). Stop it by `make stop`, or start a second one with a "
            "READINESS_HOME and a PORT of its own."
        ) from None
    pid_file(home).unlink(missing_ok=True)
    return descriptor


def pid_write(home: Path) -> None:
    """Say who the launcher is: complete at once, never half a number."""
    unfinished = pid_file(home).with_suffix(".pid.new")
    unfinished.write_text(f"{os.getpid()}\n")
    unfinished.replace(pid_file(home))


def pid_remove(home: Path) -> None:
    pid_file(home).unlink(missing_ok=True)


def pid_read(home: Path) -> int | None:
    """The pid in the pid file, None if there is none or it is not a number."""
    with suppress(OSError, ValueError):
        return int(pid_file(home).read_text())
    return None


def running(home: Path) -> bool:
    """Whether a launcher holds this home."""
    if not (home / "run.lock").exists():
        return False
    descriptor = os.open(home / "run.lock", os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def stop(home: Path, *, within_s: float = 60.0) -> str:
    """Ask the home's launcher to end everything and wait until it has; what to tell the person who asked."""
    if not running(home):
        return f"No console runs from {home}."
    pid = pid_read(home)
    if pid is None:
        return f"The console of {home} is just starting; try again in a moment."
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + within_s
    while running(home):
        if time.monotonic() > deadline:
            return f"Process {pid} still ends its programs; look at {home / 'logs'}, or end it by `kill -9 {pid}`."
        time.sleep(0.05)
    return f"The console of {home} has ended."


def _who(home: Path) -> str:
    pid = pid_read(home)
    return f"process {pid}" if pid else "it is just starting"
