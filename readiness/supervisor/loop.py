"""The supervisor's one loop: it reads what the programs print, sees them end, and keeps its appointments."""

import os
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from types import FrameType

from readiness.supervisor.child import Child
from readiness.supervisor.home import pid_remove, pid_write
from readiness.supervisor.plan import Plan

READY_WITHIN_S = 90.0
GIVE_UP_AFTER = 4  # deaths of one program before the console was ever ready
STARTING_POLL_S = 0.03
PROBE_EVERY_S = 0.1
STEADY_POLL_S = 30.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


class Supervisor:
    """Runs a plan until a signal ends it. `say` tells the person who started it; `on_ready` is called once."""

    def __init__(self, plan: Plan, *, say: Callable[[str], None], on_ready: Callable[[], None], echo: bool) -> None:
        self.plan, self._say, self._on_ready = plan, say, on_ready
        self.children = [
            Child(program, home=plan.home, cwd=plan.cwd, echo=say if echo else None) for program in plan.programs
        ]
        self._selector = selectors.DefaultSelector()
        self._ready = self._stopping = self._failed = False
        self._give_up_at = time.monotonic() + READY_WITHIN_S
        self._probe_at = 0.0
        self._last_answer = "the web server does not answer yet"

    def run(self) -> int:
        """Returns the exit status: 0 after a signal, 1 when the console could not be brought up."""
        pid_write(self.plan.home)
        try:
            with self._woken_by_signals():
                while not (self._stopping and not any(child.alive for child in self.children)):
                    self._wait()
                    self._reap()
                    if self._stopping:
                        self._drain()
                    else:
                        self._start_due()
                        self._watch_readiness()
        finally:
            pid_remove(self.plan.home)
        return 1 if self._failed else 0

    # --- waiting -------------------------------------------------------------------------------------------------

    @contextmanager
    def _woken_by_signals(self) -> Iterator[None]:
        reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        before = {number: signal.signal(number, _nothing) for number in _SIGNALS}
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._selector.register(reader, selectors.EVENT_READ, None)
        try:
            yield
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._selector.unregister(reader)
            os.close(reader)
            os.close(writer)

    def _wait(self) -> None:
        for key, _ in self._selector.select(self._pause()):
            if isinstance(key.data, Child):
                key.data.read()
                if key.data.mute:
                    self._selector.unregister(key.fd)
            else:
                for number in os.read(key.fd, 1024):
                    self._signalled(signal.Signals(number))

    def _pause(self) -> float:
        """Seconds to the next appointment."""
        now = time.monotonic()
        appointments = [child.kill_at - now for child in self.children if child.kill_at is not None]
        if not self._stopping:
            due = [child.start_at for child in self._startable() if child.start_at is not None]
            appointments += [max(at - now, STARTING_POLL_S) for at in due]
            if not self._ready:
                appointments.append(STARTING_POLL_S)
        return max(0.0, min(appointments, default=STEADY_POLL_S))

    def _signalled(self, number: signal.Signals) -> None:
        if number == signal.SIGCHLD:
            return
        if self._stopping:
            self._say("Ending everything at once.")
            for child in self.children:
                child.signal_group(signal.SIGKILL)
            return
        self._say("Ending: requests and tasks under way may finish. A second signal ends everything at once.")
        self._stopping = True

    # --- programs ------------------------------------------------------------------------------------------------

    def _start_due(self) -> None:
        """Start what is due, in the plan's order; a program waits until the sockets before it answer."""
        now = time.monotonic()
        due = [child for child in self._startable() if child.start_at is not None and child.start_at <= now]
        for child in self.children:
            if child in due:
                due.remove(child)
                self._start(child)
            if not due or not child.listening():
                return

    def _startable(self) -> list[Child]:
        return [child for child in self.children if self._ready or not child.program.once]

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as refused:
            self._say(f"{child.program.name} cannot be started: {refused}")
            child.schedule_restart()
            return
        self._selector.register(child.output, selectors.EVENT_READ, child)

    def _reap(self) -> None:
        for child in self.children:
            if not child.alive:
                continue
            if child.kill_at is not None and child.kill_at <= time.monotonic():
                self._say(f"{child.program.name} did not end in {child.program.patience_s:g} s and is killed.")
                child.signal_group(signal.SIGKILL)
                child.kill_at = None
            output = child.output
            status = child.reap()
            if status is not None:
                with suppress(KeyError):  # it may have closed its output before it ended
                    self._selector.unregister(output)
                self._ended(child, status)

    def _ended(self, child: Child, status: int) -> None:
        if self._stopping:
            return
        name, how = child.program.name, _how(status)
        if child.program.once:
            if status:
                self._say(f"{name} {how}; see {child.log.path}")
            return
        pause = child.schedule_restart()
        if not self._ready and child.deaths >= GIVE_UP_AFTER:
            self._fail(f"{name} {how} {child.deaths} times. The end of {child.log.path}:\n{child.log.tail()}")
            return
        self._say(f"{name} {how}; it is started again in {pause:g} s. See {child.log.path}")

    def _drain(self) -> None:
        """First what does the work, then what it works with."""
        workers = [child for child in self.children if not child.program.stop_last]
        for child in workers:
            child.terminate()
        if not any(child.alive for child in workers):
            for child in self.children:
                child.terminate()

    # --- readiness -----------------------------------------------------------------------------------------------

    def _watch_readiness(self) -> None:
        now = time.monotonic()
        if self._ready or self._stopping or now < self._probe_at:
            return
        self._probe_at = now + PROBE_EVERY_S
        if all(child.started or child.program.once for child in self.children) and self._probe():
            self._ready = True
            self._on_ready()
            self._start_due()
        elif now > self._give_up_at:
            self._fail(f"The console was not ready within {READY_WITHIN_S:g} s: {self._last_answer}")

    def _probe(self) -> bool:
        connection = HTTPConnection(*self.plan.probe, timeout=2)
        try:
            connection.request("GET", "/readyz")
            response = connection.getresponse()
            self._last_answer = response.read(2000).decode(errors="replace")
            return response.status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _fail(self, text: str) -> None:
        self._say(text)
        self._failed = self._stopping = True


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """The wake-up descriptor carries the signal; Python only needs a handler to be there."""


def _how(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):
        return f"was ended by {signal.Signals(-status).name}"
    return f"was ended by signal {-status}"


def say_to_terminal(text: str) -> None:
    """To the person at the terminal, who may have gone: then to nobody."""
    with suppress(OSError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
