#!/usr/bin/env python3
"""Report runs of preventive controls to the readiness console. One file, standard library only, Python 3.8 or newer.

    export READINESS_URL=https://console.example  READINESS_KEY=rk_…       (a key with the scope controls:write)

    python readiness_client.py control CTL-7 -- pytest tests/test_budget.py
        runs the command here and reports it, for the commit that is checked out.

    python readiness_client.py prove CTL-7 --broken SHA --fixed SHA [--overlay tests/test_budget.py] \\
        -- pytest tests/test_budget.py
        runs the command in two temporary worktrees, on the broken commit (with the fixed commit's named tests laid
        over it: a test written with the fix does not exist before it) and on the fixed one, and reports both runs.

    python readiness_client.py verdict PROGRAM                             (a key with the scope ops:read)
        prints a program's verdict: exit 0 GO or PROCEED, 1 NO-GO or EXTEND, 2 CANCEL, 3 nothing can be evaluated.

Checks are read from JUnit XML: pytest's is asked for through PYTEST_ADDOPTS, any other runner's is named by --junit;
without one, the command itself is the one check.

Exit status: the command's own (prove: the fixed run's); 64 bad usage; 65 refused; 69 the console cannot be reached.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

EX_USAGE, EX_DATAERR, EX_UNAVAILABLE, CANNOT_RUN, TIMED_OUT = 64, 65, 69, 127, 124
ATTEMPTS = 4
WORST_FIRST = ("error", "failed", "skipped", "passed")
JUNIT_TAGS = (("error", "error"), ("failure", "failed"), ("skipped", "skipped"))


def say(text: str) -> None:
    print("readiness: " + text, file=sys.stderr)


def fail(code: int, text: str) -> NoReturn:
    say(text)
    raise SystemExit(code)


def git_try(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, check=False)  # noqa: S607  the user's git


def git(*arguments: str, cwd: Path | None = None) -> str:
    """The output of a git command. Exits 64 with git's own words."""
    done = git_try(*arguments, cwd=cwd)
    if done.returncode:
        fail(EX_USAGE, f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace").strip()


def main_ref() -> str | None:
    """The main ref: what origin calls its HEAD, or the first of the usual names that exists."""
    names = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
    return next((name for name in names if git_try("rev-parse", "--verify", name).returncode == 0), None)


def is_on_main(commit: str, *, tip: bool = False) -> bool:
    """Whether the main ref contains the commit; `tip`: whether it is the last one there."""
    ref = main_ref()
    if ref is None or tip:
        return ref is not None and git("rev-parse", ref + "^{commit}") == commit
    return git_try("merge-base", "--is-ancestor", commit, ref).returncode == 0


@contextlib.contextmanager
def worktree(commit: str, path: Path) -> Iterator[Path]:
    """A worktree of its own at this commit, removed whatever happens."""
    git("worktree", "add", "--quiet", "--detach", str(path), commit)
    try:
        yield path
    finally:
        git_try("worktree", "remove", "--force", str(path))
        shutil.rmtree(str(path), ignore_errors=True)
        git_try("worktree", "prune")


class Overlay(NamedTuple):
    """Files of the fixed commit (paths from the repository's root) and the sha256 over their paths and contents."""

    paths: list[str]
    sha256: str


def overlay_of(names: list[str], commit: str) -> Overlay | None:
    """The named files or folders as the commit has them; None if none is named."""
    paths: set[str] = set()
    for name in names:
        found = git("--literal-pathspecs", "ls-tree", "-r", "-z", "--name-only", "--full-name", commit, "--", name)
        if not found:
            fail(EX_USAGE, f"--overlay {name}: the fixed commit {commit[:12]} has no such file.")
        paths.update(path for path in found.split("\0") if path)
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = git_try("cat-file", "blob", f"{commit}:{path}").stdout
        digest.update(b"%s\0%d\0%s" % (path.encode(), len(content), content))
    return Overlay(sorted(paths), digest.hexdigest()) if paths else None


class Ran(NamedTuple):
    """A finished command: its exit code, what it means, its checks, and the sha256 of all it printed."""

    code: int
    outcome: str
    checks: list[dict[str, str]]
    output_sha256: str


def execute(command: list[str], cwd: Path, env: dict[str, str], timeout: float) -> tuple[int, str]:
    """Run, showing the output as it comes and hashing it; (exit code, sha256)."""
    digest = hashlib.sha256()
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
        for block in iter(lambda: os.read(child.stdout.fileno(), 65536), b""):  # type: ignore[union-attr]
            digest.update(block)
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
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


def check_id(case: ET.Element) -> str:
    """pytest's node id where the report allows it, else class and name."""
    name, classname, file = case.get("name", ""), case.get("classname", ""), case.get("file", "").replace("\\", "/")
    module = file[:-3].replace("/", ".") if file.endswith(".py") else ""
    inner = classname[len(module) + 1 :].split(".") if classname.startswith(module + ".") else []
    parts = [file, *inner, name] if module else [classname, name]
    return "".join(c for c in "::".join(filter(None, parts)) if c.isprintable())[:500] or "unnamed"


def junit_checks(path: Path) -> list[dict[str, str]] | None:
    """The checks of a JUnit XML file, a repeated one by its worst outcome; None if it cannot be read."""
    try:
        cases = list(ET.parse(str(path)).getroot().iter("testcase"))  # noqa: S314  written by the user's own command
    except (OSError, ET.ParseError):
        return None
    worst: dict[str, str] = {}
    for case in cases:
        tags = {child.tag for child in case}
        outcome = next((outcome for tag, outcome in JUNIT_TAGS if tag in tags), "passed")
        name = check_id(case)
        worst[name] = min(worst.get(name, outcome), outcome, key=WORST_FIRST.index)
    return [{"id": name, "outcome": outcome} for name, outcome in worst.items()]


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
        asked = Path(scratch) / "junit.xml"
        path = cwd / named if named else asked
        addopts = f"--junitxml={shlex.quote(str(asked))} -o junit_family=xunit1"
        env = {**env, "PYTEST_ADDOPTS": " ".join(filter(None, [env.get("PYTEST_ADDOPTS"), addopts]))}
        before = signature(path)
        code, output_sha256 = execute(command, cwd, env, options.timeout)
        checks = junit_checks(path) if signature(path) not in (None, before) else None
    if checks is None and (named or pytest):
        say("no test report was written, so no check was executed")
        return Ran(code, "error", [], output_sha256)
    if checks is None:
        ran = outcome_of(code, [{"id": "", "outcome": "failed" if code else "passed"}], pytest=False)
        checks = [{"id": shlex.join(command)[:500], "outcome": ran}]
    return Ran(code, outcome_of(code, checks, pytest=pytest), checks, output_sha256)


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would lose its body, and its key might go to a stranger."""

    def redirect_request(self, *_: Any) -> None:
        return None


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """The console's JSON answer, tried several times. Exits 69 if it cannot be reached, 65 if it refuses."""
    base = os.environ.get("READINESS_URL", "http://127.0.0.1:8000").rstrip("/")
    if not base.startswith(("http://", "https://")):
        fail(EX_USAGE, f"READINESS_URL is {base}: give the console's http or https address.")
    headers = {
        "Authorization": "Bearer " + os.environ["READINESS_KEY"].strip(),
        "Content-Type": "application/json",
        "Idempotency-Key": uuid.uuid4().hex,  # the same for every try: a run is recorded once
    }
    data = None if body is None else json.dumps(body).encode()
    opener, problem = urllib.request.build_opener(NoRedirect()), ""
    for attempt in range(ATTEMPTS):
        pause = 0.5 * 2.0**attempt
        try:
            request = urllib.request.Request(base + path, data=data, headers=headers, method=method)  # noqa: S310
            with opener.open(request, timeout=15) as answer:
                return dict(json.loads(answer.read().decode()))
        except urllib.error.HTTPError as error:
            if error.code != 429 and error.code < 500:
                refused(error)
            problem = f"it answers {error.code}"
            with contextlib.suppress(ValueError):
                pause = min(float(error.headers.get("Retry-After", pause)), 30.0)
        except (OSError, ValueError, TypeError) as error:  # no connection, no answer in time, no JSON object
            problem = str(getattr(error, "reason", error))
        if attempt + 1 < ATTEMPTS:
            time.sleep(pause)
    fail(EX_UNAVAILABLE, f"{base} cannot be reached ({problem}): nothing was recorded. Check READINESS_URL.")


def refused(error: urllib.error.HTTPError) -> NoReturn:
    text = error.read(65536).decode(errors="replace")
    if 300 <= error.code < 400:
        fail(EX_DATAERR, f"the console redirects to {error.headers.get('Location')}: set READINESS_URL to that.")
    try:
        body = json.loads(text)
        lines = [str(body["detail"]), *(f"  {e['pointer']}: {e['detail']}" for e in body.get("errors", []))]
    except (ValueError, LookupError, TypeError, AttributeError):
        lines = [text[:300]]
    fail(EX_DATAERR, f"the console refused ({error.code}): " + "\n".join(lines))


def report(options: argparse.Namespace, ran: Ran, *, commit: str, on_main: bool, overlay: Overlay | None) -> str:
    """Report one run; the control's state after it."""
    body: dict[str, Any] = {
        "outcome": ran.outcome,
        "commit": commit,
        "on_main": on_main,
        "command": shlex.join(options.command),
        "checks": ran.checks,
        "output_sha256": ran.output_sha256,
        "finished_at": datetime.now(timezone.utc).isoformat().replace("+00:00", "Z"),  # noqa: UP017  Python 3.8
    }
    if overlay:
        body["overlay_sha256"] = overlay.sha256
    answer = ask("POST", f"/v1/controls/{options.control}/runs", body)
    executed = sum(check["outcome"] in ("passed", "failed") for check in ran.checks)
    state = str(answer.get("state"))
    say(f"{ran.outcome} on {commit[:12]}, {executed} of {len(ran.checks)} checks executed")
    say(f"{options.control} is {state}. {answer.get('reason')}")
    return state


def control(options: argparse.Namespace) -> int:
    """One run in this checkout. With uncommitted changes it does not speak of the commit, so not of main either."""
    commit = git("rev-parse", "HEAD")
    clean = not git("status", "--porcelain", "--untracked-files=no")
    on_main = clean and is_on_main(commit)
    if not clean:
        say("there are uncommitted changes: reported as a run off the main ref")
    ran = run(options.command, Path.cwd(), options, dict(os.environ))
    report(options, ran, commit=commit, on_main=on_main, overlay=None)
    return ran.code


def prove(options: argparse.Namespace) -> int:
    """The same command on the broken and on the fixed commit, each in a worktree of its own."""
    broken, fixed = (git("rev-parse", "--verify", name + "^{commit}") for name in (options.broken, options.fixed))
    if broken == fixed:
        fail(EX_USAGE, "--broken and --fixed are the same commit: a proof needs two.")
    overlay = overlay_of(options.overlay, fixed)
    here = git("rev-parse", "--show-prefix")
    state, code = "", 0
    with tempfile.TemporaryDirectory(prefix="readiness-prove-") as scratch:
        for name, commit in (("broken", broken), ("fixed", fixed)):
            say(f"running on the {name} commit {commit[:12]}")
            with worktree(commit, Path(scratch) / name) as tree:
                if overlay and commit == broken:
                    git("--literal-pathspecs", "checkout", "--quiet", fixed, "--", *overlay.paths, cwd=tree)
                ran = run(_as_here(options.command, tree / here), tree / here, options, _environment(tree, tree / here))
            # A commit of the past says nothing about main as it is now: only its tip does.
            on_main = commit == fixed and is_on_main(commit, tip=True)
            state, code = report(options, ran, commit=commit, on_main=on_main, overlay=overlay), ran.code
    if state != "proven":
        say(f"NOT proven: {options.control} is {state}.")
    return code


def _as_here(command: list[str], cwd: Path) -> list[str]:
    """A program named by a relative path that git does not hold (.venv/bin/pytest) is this checkout's own."""
    program = command[0]
    if os.sep in program and not (cwd / program).exists() and Path(program).exists():
        return [os.path.abspath(program), *command[1:]]
    return command


def _environment(tree: Path, cwd: Path) -> dict[str, str]:
    """The worktree's own modules come before an editable install of this checkout."""
    paths = [str(path) for path in (cwd, cwd / "src", tree, tree / "src") if path.is_dir()]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*paths, *filter(None, [os.environ.get("PYTHONPATH")])])}


def verdict(options: argparse.Namespace) -> int:
    answer = ask("GET", f"/ops/verdicts/{options.program}")
    print(
        f"{answer.get('program')}: {answer.get('verdict')} (score {answer.get('score')} of {answer.get('threshold')})"
    )
    for blocker in answer.get("blockers", []):
        print("  - " + str(blocker.get("text")))
    return {"GO": 0, "PROCEED": 0, "NO-GO": 1, "EXTEND": 1, "CANCEL": 2}.get(str(answer.get("verdict")), 3)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        fail(EX_USAGE, message)


def parse(argv: list[str]) -> argparse.Namespace:
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("control", "prove"):
        sub = actions.add_parser(name, usage=f"readiness_client.py {name} CTL-7 [options] -- COMMAND")
        sub.add_argument("control", metavar="CTL-7", help="the control's key")
        sub.add_argument("--junit", metavar="FILE", help="the JUnit XML that the command writes, from where it runs")
        sub.add_argument("--timeout", type=float, default=1800.0, help="seconds that the command may take (1800)")
        if name == "prove":
            sub.add_argument("--broken", required=True, metavar="SHA", help="a commit named in the root cause")
            sub.add_argument("--fixed", required=True, metavar="SHA", help="the commit that mends it")
            sub.add_argument("--overlay", action="append", default=[], metavar="FILE", help="the fix's test, each")
    actions.add_parser("verdict").add_argument("program")
    options = parser.parse_args(argv[:cut])
    options.command = argv[cut + 1 :]
    if options.action != "verdict" and not options.command:
        parser.error("name the command to run after --, such as: -- pytest tests/test_budget.py")
    if not os.environ.get("READINESS_KEY", "").strip():
        parser.error("set READINESS_KEY to a key of the console (manage.py create_key NAME --scope controls:write).")
    return options


def main(argv: list[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by CI: the worktrees are removed all the same
    options = parse(argv)
    try:
        code = {"control": control, "prove": prove, "verdict": verdict}[options.action](options)
    except KeyboardInterrupt:
        return 130
    return code if code >= 0 else 128 - code  # ended by a signal: as a shell says it


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
