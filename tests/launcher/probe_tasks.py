"""Tasks that a test sends to a real worker (registered by tests.launcher.probe_settings)."""

import os
import signal
import time
from pathlib import Path

from celery import Task, shared_task

from readiness.infra.correlation import current_correlation


@shared_task(name="probe.hold")
def hold(diary: str, release: str) -> None:
    """Write `begin` into the diary, wait until the file `release` exists, write `end`."""
    _note(diary, "begin")
    while not Path(release).exists():
        time.sleep(0.02)
    _note(diary, "end")


@shared_task(name="probe.trace")
def trace(diary: str) -> None:
    """Write the correlation id that the task runs under."""
    context = current_correlation()
    _note(diary, context.correlation_id if context else "none")


@shared_task(name="probe.fail", bind=True)
def fail(self: Task[..., None]) -> None:
    """Break as a task of ours might."""
    raise LookupError("the shelf is empty")


@shared_task(name="probe.die")
def die(diary: str) -> None:
    """Take the process along."""
    _note(diary, "begin")
    os.kill(os.getpid(), signal.SIGKILL)


def _note(diary: str, text: str) -> None:
    with Path(diary).open("a") as file:
        file.write(f"{text}\n")
