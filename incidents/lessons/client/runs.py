"""Running a command and reading what its tests said."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from incidents.lessons.client.exits import CANNOT_RUN, TIMED_OUT, say
from incidents.lessons.client.readers import go_checks, go_command, go_verbose, junit_checks, tap_checks, tap_spoken

FORMATS = ("auto", "junit", "go", "tap", "command")
READ_AT_MOST = 64 * 1024 * 1024  # of what a command printed


class Ran(NamedTuple):
    """A finished command: its exit code, what it means, its checks, the sha256 of all it printed, and when."""

    code: int
    outcome: str
    checks: list[dict[str, str]]
    output_sha256: str
    finished_at: str


def utc_now() -> str:
    return datetime.now(timezone.utc).isoformat().replace("+00:00", "Z")  # noqa: UP017  Python 3.8


def execute(command: list[str], cwd: Path, env: dict[str, str], timeout: float, kept: Path) -> tuple[int, str]:
    """Run, showing the output as it comes, hashing it and keeping it in a file; (exit code, sha256)."""
    digest = hashlib.sha256()
    kept.touch()
    try:
        child = subprocess.Popen(
            command, cwd=str(cwd), env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        )
    except OSError as error:
        say(f"cannot run {command[0]}: {error}")
        return CANNOT_RUN, digest.hexdigest()
    started = time.monotonic()

    def end() -> None:
        with contextlib.suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)

    timer = threading.Timer(timeout, end)
    timer.start()
    try:
        with kept.open("wb") as file:
            for block in printed(child):
                digest.update(block)
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
                if file.tell() < READ_AT_MOST:
                    file.write(block)
        code = child.wait()
    except BaseException:  # Ctrl-C too: nothing that was started here may outlive it
        end()
        raise
    finally:
        timer.cancel()
    if code == -signal.SIGKILL and time.monotonic() - started >= timeout:
        say(f"the command took longer than {timeout:g} s and was ended")
        code = TIMED_OUT
    return code, digest.hexdigest()


def printed(child: subprocess.Popen[bytes]) -> Iterator[bytes]:
    """What it prints, until it has ended: a server that it left behind may hold its output open for ever."""
    pipe = child.stdout.fileno()  # type: ignore[union-attr]
    while True:
        ended = child.poll() is not None
        if select.select([pipe], [], [], 0.2)[0]:
            block = os.read(pipe, 65536)
            if not block:
                return
            yield block
        elif ended:
            return


def spoken(command: list[str]) -> str:
    """The command as one text, of characters that the console takes."""
    return shlex.join(command).replace("\r\n", "\n").encode(errors="replace").decode()


def outcome_of(code: int, checks: list[dict[str, str]], *, pytest: bool) -> str:
    """`failed` needs a check that failed; an exit code that its checks do not explain is an error."""
    outcomes = {check["outcome"] for check in checks}
    # pytest: 2 interrupted (a module that cannot be imported), 3 internal, 4 usage, 5 nothing collected
    if code in (TIMED_OUT, 126, CANNOT_RUN) or code < 0 or code >= 128 or (pytest and code > 1):
        return "error"
    if "failed" in outcomes:
        return "failed"
    return "error" if code or "error" in outcomes else "passed"


def signature(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        status = path.stat()
        return status.st_mtime_ns, status.st_size
    return None


def run(command: list[str], cwd: Path, options: argparse.Namespace, env: dict[str, str]) -> Ran:
    """Run the command in `cwd` and read its checks; a report that was there before the run is not its own."""
    pytest = any(Path(part).name in ("pytest", "py.test") for part in command)
    own = [part.split("=", 1)[1] for part in command if part.startswith(("--junitxml=", "--junit-xml="))]
    named = options.junit or (own[-1] if own and pytest else None)
    with tempfile.TemporaryDirectory(prefix="readiness-report-") as scratch:
        asked, kept = Path(scratch) / "junit.xml", Path(scratch) / "output"
        path = cwd / named if named else asked
        addopts = f"--junitxml={shlex.quote(str(asked))} -o junit_family=xunit1"
        env = {**env, "PYTEST_ADDOPTS": " ".join(filter(None, [env.get("PYTEST_ADDOPTS"), addopts]))}
        before = signature(path)
        really = go_verbose(command) if go_command(command) else command
        code, output_sha256 = execute(really, cwd, env, options.timeout, kept)
        checks = junit_checks(path) if signature(path) not in (None, before) else None
        if checks is None and not (named or pytest):
            checks = printed_checks(kept, "go" if go_command(command) else options.format)
    if checks is None and (named or pytest or options.format in ("junit", "go", "tap")):
        say("no test report was written, so no check was executed")
        return Ran(code, "error", [], output_sha256, utc_now())
    if checks is None:
        ran = outcome_of(code, [{"id": "", "outcome": "failed" if code else "passed"}], pytest=False)
        checks = [{"id": spoken(command)[:500], "outcome": ran}]
    return Ran(code, outcome_of(code, checks, pytest=pytest), checks, output_sha256, utc_now())


def printed_checks(kept: Path, form: str) -> list[dict[str, str]] | None:
    """The checks in what the command printed; None if it is in no language of tests."""
    lines = kept.read_bytes().decode(errors="replace").splitlines()
    if form == "tap" or (form == "auto" and tap_spoken(lines)):
        return tap_checks(lines)
    if form == "go":
        return go_checks(lines)
    return (go_checks(lines) or None) if form == "auto" else None
