"""What the benchmark asks of a system that takes envelopes, whoever made it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tests.bench.stores import Store


@dataclass(frozen=True)
class System:
    """A running system.

    `crash` kills (-9) every process that takes or stores events, in the middle of whatever they do, and returns at
    once; something starts them again. `quiet_s`: without a new row for so long, none will come.
    """

    name: str
    port: int
    path: str
    key: str
    store: Store
    crash: Callable[[], None]
    quiet_s: float


def group_end(
    process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, *, patience_s: float = 20
) -> None:
    """End a process that leads its own group, then what it left of that group."""
    with suppress(ProcessLookupError):
        process.send_signal(how)
    deadline = time.monotonic() + patience_s
    # Not waited for yet: until then the group's number cannot become anybody else's.
    while (
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and time.monotonic() < deadline
    ):
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
