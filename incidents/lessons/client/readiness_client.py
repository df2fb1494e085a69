#!/usr/bin/env python3
"""Report runs of preventive controls to the readiness console, hand in evidence, ask for verdicts.

One file, standard library only, Python 3.8 or newer; git is asked about commits.

    export READINESS_URL=https://console.example  READINESS_KEY=rk_…

    python readiness_client.py control CTL-7 -- pytest tests/test_budget.py                (scope controls:write)
        runs the command here and reports it, for the commit that is checked out.

    python readiness_client.py prove CTL-7 --broken SHA --fixed SHA [--overlay tests/test_budget.py] \\
        -- pytest tests/test_budget.py
        runs the command in two temporary worktrees, on the broken commit (with the fixed commit's named tests laid
        over it: a test written with the fix does not exist before it) and on the fixed one, and reports both runs.

    python readiness_client.py due [--run]                                                 (scope controls:write)
        lists the controls that wait for a pass on main; --run runs the command of each, as the console names it.

    python readiness_client.py evidence coverage --value 87.5 --unit % [--program pilot]   (scope evidence:write)
    python readiness_client.py evidence tests --junit report.xml
        hands in what was measured, for the commit that is checked out.

    python readiness_client.py verdict PROGRAM                                             (scope ops:read)
        prints a program's verdict: exit 0 GO or PROCEED, 1 NO-GO or EXTEND, 2 CANCEL, 3 nothing can be evaluated.

Checks are read from pytest (asked for JUnit XML through PYTEST_ADDOPTS, also behind make or tox), `go test`, TAP
(node --test, bats, prove) and any JUnit XML named by --junit; else the command itself is the one check.

A run speaks of the main ref when its commit is the last one there (--main names the ref) and nothing is uncommitted.

Exit status: the command's own (prove: the fixed run's); 64 bad usage; 65 refused; 69 the console cannot be reached.
In a build (CI is set, or what Azure, Jenkins and TeamCity set) an unreachable console is a warning and the command's
own status stands, unless --if-away=fail or READINESS_IF_AWAY=fail says otherwise. `verdict` always needs an answer.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import signal
import sys
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any, NoReturn

from incidents.lessons.client.commits import Overlay, commit_of, git, is_on_main, overlay_of, worktree
from incidents.lessons.client.console import ask, away
from incidents.lessons.client.exits import EX_UNAVAILABLE, EX_USAGE, Away, fail, plain, say
from incidents.lessons.client.runs import FORMATS, Ran, run, spoken, utc_now


def report(options: argparse.Namespace, ran: Ran, *, commit: str, on_main: bool, overlay: Overlay | None) -> str:
    """Report one run; the control's state after it."""
    body: dict[str, Any] = {
        "outcome": ran.outcome,
        "commit": commit,
        "on_main": on_main,
        "command": spoken(options.command),
        "checks": ran.checks,
        "output_sha256": ran.output_sha256,
        "finished_at": ran.finished_at,
    }
    if overlay:
        body["overlay_sha256"] = overlay.sha256
    answer = ask("POST", f"/v1/controls/{quoted(options.control)}/runs", body)
    if "state" not in answer:
        raise Away("whatever answers at READINESS_URL is no readiness console: nothing was recorded.")
    executed = sum(check["outcome"] in ("passed", "failed") for check in ran.checks)
    state = plain(answer["state"])
    say(f"{ran.outcome} on {commit[:12]}, {executed} of {len(ran.checks)} checks executed")
    say(f"{options.control} is {state}. {plain(answer.get('reason'))}")
    for warning in answer.get("warnings") or ():
        say(f"warning: {plain(warning)}")
    return state


def quoted(name: str) -> str:
    return urllib.parse.quote(name, safe="")


def here(options: argparse.Namespace) -> tuple[str, bool]:
    """The commit checked out, and whether a run here speaks of main. With uncommitted changes it does not."""
    commit = git("rev-parse", "HEAD")
    clean = not git("status", "--porcelain", "--untracked-files=no")
    if not clean:
        say("there are uncommitted changes: reported as a run off the main ref")
    return commit, clean and is_on_main(commit, options.main)


def control(options: argparse.Namespace) -> int:
    """One run in this checkout."""
    commit, on_main = here(options)
    ran = run(options.command, Path.cwd(), options, dict(os.environ))
    try:
        report(options, ran, commit=commit, on_main=on_main, overlay=None)
    except Away as why:
        return away(options, why, ran.code)
    return ran.code


def prove(options: argparse.Namespace) -> int:
    """The same command on the broken and on the fixed commit, each in a worktree of its own; then both are reported."""
    broken, fixed = commit_of(options.broken), commit_of(options.fixed)
    if broken == fixed:
        fail(EX_USAGE, "--broken and --fixed are the same commit: a proof needs two.")
    overlay = overlay_of(options.overlay, fixed)
    on_main = is_on_main(fixed, options.main)
    folder, runs = git("rev-parse", "--show-prefix"), []
    with tempfile.TemporaryDirectory(prefix="readiness-prove-") as scratch:
        for name, commit in (("broken", broken), ("fixed", fixed)):
            say(f"running on the {name} commit {commit[:12]}")
            with worktree(commit, Path(scratch) / name) as tree:
                if overlay and commit == broken:
                    git("--literal-pathspecs", "checkout", "--quiet", fixed, "--", *overlay.paths, cwd=tree)
                cwd = tree / folder
                runs.append(run(_as_here(options.command, cwd), cwd, options, _environment(tree, cwd)))
    red, green = runs
    try:
        report(options, red, commit=broken, on_main=False, overlay=overlay)
        state = report(options, green, commit=fixed, on_main=on_main, overlay=overlay)
    except Away as why:
        return away(options, why, green.code)
    if state != "proven":
        say(f"NOT proven: {options.control} is {state}.")
    return green.code


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


def due(options: argparse.Namespace) -> int:
    """What waits for a pass on main; with --run, run each, and exit as the first that failed."""
    try:
        waiting = ask("GET", "/v1/controls/due").get("controls", [])
    except Away as why:
        return away(options, why, 0)
    for item in waiting:
        print(plain(f"{item['control']}  {item['state']}, due {item['due_at'] or 'now'}  {item['command']}"))
    if not waiting:
        say("no control waits for a run")
    codes = []
    for item in waiting if options.run else ():
        if not item["command"]:
            say(f"{item['control']} names no command: run it by hand")
            continue
        options.control = item["control"]
        try:
            options.command = shlex.split(item["command"])
        except ValueError as error:
            say(f"{options.control}: {plain(item['command'])} is no command ({error}): mend it at the console")
            codes.append(EX_USAGE)
            continue
        say(f"running {options.control}: {plain(item['command'])}")
        try:
            codes.append(control(options))
        except SystemExit as refused:  # told already; the others are due all the same
            codes.append(refused.code if isinstance(refused.code, int) else EX_USAGE)
    return next((code for code in codes if code), 0)


def evidence(options: argparse.Namespace) -> int:
    """One figure, or a JUnit report, for the commit that is checked out."""
    commit = options.commit or git("rev-parse", "HEAD")
    fields = {name: getattr(options, name) for name in ("program", "ref", "url", "title")}
    fields = {"kind": options.kind, "commit": commit, **{name: value for name, value in fields.items() if value}}
    try:
        if options.junit:
            answer = ask("POST", "/v1/evidence?" + urllib.parse.urlencode(fields), _bytes_of(options.junit))
        else:
            figures = {name: getattr(options, name) for name in ("value", "unit", "note", "outcome")}
            fields = {**fields, **{name: value for name, value in figures.items() if value}}
            answer = ask("POST", "/v1/evidence", {**fields, "collected_at": utc_now()})
    except Away as why:
        return away(options, why, 0)
    say(f"{plain(answer.get('evidence'))} is kept: {options.kind} at {commit[:12]}")
    return 0


def _bytes_of(name: str) -> bytes:
    try:
        return Path(name).read_bytes()
    except OSError as error:
        fail(EX_USAGE, f"--junit {name}: {error.strerror}.")


def verdict(options: argparse.Namespace) -> int:
    try:
        answer = ask("GET", f"/ops/verdicts/{quoted(options.program)}")
    except Away as why:  # whoever asks whether it may go has no answer: that is never a yes
        fail(EX_UNAVAILABLE, str(why))
    told = [str(answer.get(name)) for name in ("program", "verdict", "score", "threshold")]
    print(plain("{}: {} (score {} of {})".format(*told)))
    for blocker in answer.get("blockers", []):
        print("  - " + plain(blocker.get("text")))
    return {"GO": 0, "PROCEED": 0, "NO-GO": 1, "EXTEND": 1, "CANCEL": 2}.get(str(answer.get("verdict")), 3)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        fail(EX_USAGE, message)


IF_AWAY = ("auto", "fail", "pass")
ACTIONS = {"control": control, "prove": prove, "due": due, "evidence": evidence, "verdict": verdict}


def parse(argv: list[str]) -> argparse.Namespace:
    cut = argv.index("--") if "--" in argv else len(argv)
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    for name in ("control", "prove"):
        sub = actions.add_parser(name, usage=f"readiness_client.py {name} CTL-7 [options] -- COMMAND")
        sub.add_argument("control", metavar="CTL-7", help="the control's key")
        sub.add_argument("--junit", metavar="FILE", help="the JUnit XML that the command writes, from where it runs")
        if name == "prove":
            sub.add_argument("--broken", required=True, metavar="SHA", help="a commit named in the root cause")
            sub.add_argument("--fixed", required=True, metavar="SHA", help="the commit that mends it")
            sub.add_argument("--overlay", action="append", default=[], metavar="FILE", help="the fix's test, each")
        add_running(sub)
    sub = actions.add_parser("due")
    sub.add_argument("--run", action="store_true", help="run the command of each, as the console names it")
    sub.set_defaults(junit=None)
    add_running(sub)
    sub = actions.add_parser("evidence")
    sub.add_argument("kind", help="what was measured: coverage, tests, …")
    for name in ("value", "unit", "outcome", "program", "ref", "url", "title", "note", "commit"):
        sub.add_argument("--" + name)
    sub.add_argument("--junit", metavar="FILE", help="a JUnit report instead of a figure")
    add_away(sub)
    actions.add_parser("verdict").add_argument("program")
    options = parser.parse_args(argv[:cut])
    options.command = argv[cut + 1 :]
    if options.action in ("control", "prove") and not options.command:
        parser.error("name the command to run after --, such as: -- pytest tests/test_budget.py")
    if getattr(options, "if_away", "auto") not in IF_AWAY:  # an environment variable is no choice of argparse's
        parser.error(f"READINESS_IF_AWAY is {options.if_away}: say one of {', '.join(IF_AWAY)}.")
    key = os.environ.get("READINESS_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        parser.error("READINESS_KEY holds characters that no key has: copy it again.")
    if not key:
        parser.error("set READINESS_KEY to a key of the console (manage.py create_key NAME --scope controls:write).")
    return options


def add_running(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--format", choices=FORMATS, default="auto", help="how the command reports its checks (auto)")
    sub.add_argument("--main", metavar="REF", default=os.environ.get("READINESS_MAIN") or None, help="the main ref")
    sub.add_argument("--timeout", type=float, default=1800.0, help="seconds that a command may take (1800)")
    add_away(sub)


def add_away(sub: argparse.ArgumentParser) -> None:
    told = os.environ.get("READINESS_IF_AWAY") or "auto"
    sub.add_argument("--if-away", choices=IF_AWAY, default=told, help="what an unreachable console is")


def main(argv: list[str]) -> int:
    if isinstance(sys.stdout, io.TextIOWrapper):  # what the console names may not be in the terminal's encoding
        sys.stdout.reconfigure(errors="backslashreplace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ended by CI: the worktrees are removed all the same
    options = parse(argv)
    try:
        code = ACTIONS[options.action](options)
    except KeyboardInterrupt:
        return 130
    return code if code >= 0 else 128 - code  # ended by a signal: as a shell says it


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
