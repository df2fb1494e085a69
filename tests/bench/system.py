"""What the benchmark asks of a system that takes envelopes, whoever made it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from tests.bench.machine import tree_seconds
from tests.bench.stores import Store
from tests.launcher.processes import Process, tree
from tests.servers import PostgresServer, wait_until


class Role(StrEnum):
    """Ours, the peer beside it, or the bare prototype that is near to what the machine can do at all."""

    OURS = "ours"
    PEER = "peer"
    LIMIT = "limit"


@dataclass(frozen=True)
class System:
    """A running system.

    `database`: `SQLite` or `PostgreSQL`; systems are compared on the same one. `programs`: what `kill` can end with
    kill -9, in the middle of whatever it does; it returns at once, and something starts them again. `ready`: all of
    it runs and answers. `roots`: the pids above all its processes. `quiet_s`: without a new row for so long, none
    will come.
    """

    name: str
    role: Role
    database: str
    port: int
    path: str
    key: str
    store: Store
    programs: Collection[str]
    kill: Callable[[Collection[str]], None]
    ready: Callable[[], bool]
    roots: Callable[[], Sequence[int]]
    quiet_s: float

    def processor_s(self) -> float:
        """Seconds of processor time that its processes have used so far."""
        return sum(tree_seconds(root) for root in self.roots())


def kill_trees(roots: Sequence[int]) -> None:
    """kill -9 of these processes and all below them, together; returns when none of them runs any more."""
    victims: list[Process] = [process for root in roots for process in tree(root)]
    for process in victims:
        with suppress(ProcessLookupError):  # it may go with its parent
            process.kill()
    wait_until(lambda: not any(process.alive for process in victims), what="the end of what was killed")


def postgres_crash(server: PostgresServer) -> None:
    """kill -9 of the server and of each of its processes (they are session leaders: no group names them all), and a
    start again, which recovers from the write-ahead log while this goes on.
    """
    assert server.process is not None
    kill_trees([server.process.pid])
    server.process.wait()
    server.launch()


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
