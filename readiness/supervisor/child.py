"""One program of the plan while it runs: its process group, its output, its deaths."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from readiness.infra.lifeline import SUPERVISED, die_with_parent
from readiness.supervisor.logfiles import LogFile
from readiness.supervisor.plan import Program

BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
STABLE_AFTER_S = 20.0
# Our own JSON lines, granian's and Celery's, and bare tracebacks: what the person at the terminal has to see.
_LOUD = re.compile(rb'"level": ?"(error|critical)"|\[ERROR\]|^Traceback ')


class Child:
    """A program and its present process, if any.

    `deaths` counts unexpected ends since it last ran steadily; `mute`: it has closed its output; `kill_at`: when its
    patience is over.
    """

    def __init__(self, program: Program, *, home: Path, cwd: Path, echo: Callable[[str], None] | None) -> None:
        self.program = program
        self.log = LogFile(home / "logs" / f"{program.name}.log")
        self.deaths = 0
        self.started = self.mute = self._asked_to_end = False
        self.start_at: float | None = 0.0
        self.kill_at: float | None = None
        self._cwd, self._echo = cwd, echo
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._partial = b""

    @property
    def alive(self) -> bool:
        return self._process is not None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def output(self) -> int:
        """The descriptor of what it prints; only while alive."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def start(self) -> None:
        """Raises OSError when the command cannot be run."""
        self._process = subprocess.Popen(
            self.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self._cwd,
            env={**os.environ, SUPERVISED: "1", **self.program.env},
            process_group=0,
            preexec_fn=partial(die_with_parent, os.getpid()),  # noqa: PLW1509  the supervisor has one thread
        )
        os.set_blocking(self.output, False)
        self.started, self.mute, self.start_at, self._started_at = True, False, None, time.monotonic()

    def read(self) -> bool:
        """Copy a block of what it has printed to its log; False when there is nothing more for now."""
        try:
            data = os.read(self.output, 65_536)
        except BlockingIOError:
            return False
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._keep(line)
        self.mute = not data
        return bool(data)

    def _keep(self, line: bytes) -> None:
        with suppress(OSError):  # a full disk must not end the supervisor
            self.log.write(line + b"\n")
        if self._echo and _LOUD.search(line):
            self._echo(f"[{self.program.name}] {line.decode(errors='replace')}")

    def listening(self) -> bool:
        """Whether the program's socket answers; True for a program that has none."""
        if self.program.socket is None:
            return True
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(0.5)
            try:
                probe.connect(self.program.socket)
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def reap(self) -> int | None:
        """The exit status if its leader has ended, and then nothing of its group is left; None while it runs."""
        if self._process is None:
            return None
        if os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        self.signal_group(signal.SIGKILL)  # while the unreaped leader still keeps the group's number its own
        while self.read():
            pass
        if self._partial:
            self._keep(self._partial)
            self._partial = b""
        status = self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process, self.kill_at = None, None
        return status

    def schedule_restart(self) -> float:
        """Count a death and set the next start; the pause in seconds, longer with every death in quick succession."""
        now = time.monotonic()
        if now - self._started_at > STABLE_AFTER_S:
            self.deaths = 0
        pause = BACKOFF_S[min(self.deaths, len(BACKOFF_S) - 1)]
        self.deaths += 1
        self.start_at = now + pause
        return pause

    def terminate(self) -> None:
        """Ask it to drain; after its patience the supervisor kills its group."""
        self.start_at = None
        if self._process is not None and not self._asked_to_end:
            self._asked_to_end = True
            self.kill_at = time.monotonic() + self.program.patience_s
            self._process.send_signal(signal.SIGTERM)

    def signal_group(self, how: signal.Signals) -> None:
        """To its process and all that it started."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, how)
