"""The CI client against a real git repository, a recording HTTP server, and once the console itself."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from incidents.lessons.client import client_source
from incidents.lessons.client.console import pause_of
from incidents.lessons.models import Control, ControlRun
from incidents.lessons.workflows import root_cause_write
from tests.console import Console
from tests.factories import ANYBODY, a_control
from tests.servers import wait_until

pytestmark = pytest.mark.once

BUGGY = "def allows(spent, budget):\n    return True\n"
MENDED = "def allows(spent, budget):\n    return spent <= budget\n"
TEST = "from budget import allows\n\n\ndef test_refuses():\n    assert not allows(2, 1)\n"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_budget.py")
CHECK = "tests/test_budget.py::test_refuses"


@dataclass
class Repository:
    """main holds the bug, then the fix with its test."""

    path: Path
    broken: str = ""
    fixed: str = ""

    def git(self, *arguments: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, name: str, content: str) -> None:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_text(content)

    def commit(self, what: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-qm", what)
        return self.git("rev-parse", "HEAD")

    @property
    def worktrees(self) -> int:
        return len(self.git("worktree", "list").splitlines())


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / "shop")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.write("budget.py", BUGGY)
    made.broken = made.commit("a bug")
    made.write("budget.py", MENDED)
    made.write("tests/test_budget.py", TEST)
    made.fixed = made.commit("the fix and its test")
    return made


@dataclass
class Recorder:
    """An HTTP server that notes every request and answers from a list, the last answer for ever."""

    answers: list[tuple[int, dict[str, str], bytes]]
    requests: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    url: str = ""

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.requests]


PROVEN = (201, {}, b'{"control": "CTL-7", "state": "proven", "reason": "So."}')


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    made = Recorder([PROVEN])

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.requests.append((self.path, dict(self.headers), json.loads(raw) if raw[:1] == b"{" else None))
            status, headers, body = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815  the library's names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def script() -> Path:
    """The client as the console serves it, in the run's own home."""
    path = Path(os.environ["READINESS_HOME"]) / "readiness_client.py"
    if not path.exists():
        path.write_text(client_source())
    return path


def environment(url: str, key: str = "rk_test", **more: str) -> dict[str, str]:
    foreign = (
        "PYTEST_",
        "DJANGO_",
        "COV_",
        "GIT_",
        "PYTHONPATH",
        "READINESS_",
        "CI",
        "TF_BUILD",
        "JENKINS",
        "TEAMCITY",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return {**kept, "READINESS_URL": url, "READINESS_KEY": key, "no_proxy": "127.0.0.1", **more}


def client(cwd: Path, *arguments: str, url: str, key: str = "rk_test", **more: str) -> subprocess.CompletedProcess[str]:
    command, env = [sys.executable, str(script()), *arguments], environment(url, key, **more)
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=120)


def prove(repository: Repository, url: str, *options: str, control: str = "CTL-7", key: str = "rk_test") -> Any:
    shas = ("--broken", repository.broken, "--fixed", repository.fixed)
    return client(repository.path, "prove", control, *shas, *options, "--", *PYTEST, url=url, key=key)


# --- prove ----------------------------------------------------------------------------------------------------------


def test_it_proves_with_the_fixed_commits_test_laid_over_the_broken_one(
    repository: Repository, recorder: Recorder
) -> None:
    done = prove(repository, recorder.url, "--overlay", "tests/test_budget.py")
    assert done.returncode == 0, done.stderr
    red, green = recorder.bodies
    assert (red["outcome"], red["commit"], red["checks"]) == (
        "failed", repository.broken, [{"id": CHECK, "outcome": "failed"}],
    )  # fmt: skip
    assert (green["outcome"], green["commit"], green["checks"]) == (
        "passed", repository.fixed, [{"id": CHECK, "outcome": "passed"}],
    )  # fmt: skip
    assert red["command"] == green["command"]
    assert red["overlay_sha256"] == green["overlay_sha256"]
    assert red["output_sha256"] != green["output_sha256"]
    assert (red["on_main"], green["on_main"]) == (False, True)
    assert recorder.requests[0][0] == "/v1/controls/CTL-7/runs"
    assert recorder.requests[0][1]["Authorization"] == "Bearer rk_test"
    assert repository.worktrees == 1
    assert (repository.path / "budget.py").read_text() == MENDED


def test_it_shows_nothing_red_without_the_overlay(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(201, {}, b'{"state": "unproven", "reason": "So.", "warnings": ["Another command."]}')]
    done = prove(repository, recorder.url)
    red, green = recorder.bodies
    assert (red["outcome"], red["checks"]) == ("error", [])
    assert green["outcome"] == "passed"
    assert "overlay_sha256" not in red
    assert "NOT proven" in done.stderr
    assert "warning: Another command." in done.stderr


def test_it_exits_as_the_command_did_on_the_fixed_commit(repository: Repository, recorder: Recorder) -> None:
    repository.write("budget.py", BUGGY)
    repository.fixed = repository.commit("no fix at all")
    assert prove(repository, recorder.url, "--overlay", "tests").returncode == 1


def test_it_runs_in_the_same_folder_of_the_worktrees(repository: Repository, recorder: Recorder) -> None:
    shas = ("--broken", "HEAD~1", "--fixed", "HEAD", "--overlay", "test_budget.py")
    command = (sys.executable, "-m", "pytest", "-q", "test_budget.py")
    client(repository.path / "tests", "prove", "CTL-7", *shas, "--", *command, url=recorder.url)
    assert [body["outcome"] for body in recorder.bodies] == ["failed", "passed"]


def test_it_removes_its_worktrees_when_it_is_ended(repository: Repository, recorder: Recorder, tmp_path: Path) -> None:
    started = tmp_path / "started"
    waiting = f"import pathlib, time; pathlib.Path({str(started)!r}).touch(); time.sleep(600)"
    shas = ("--broken", repository.broken, "--fixed", repository.fixed)
    child = subprocess.Popen(
        [sys.executable, str(script()), "prove", "CTL-7", *shas, "--", sys.executable, "-c", waiting],
        cwd=repository.path,
        env=environment(recorder.url),
    )
    wait_until(started.exists, what="the command's start", within_s=30)
    assert repository.worktrees == 2
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=30) == 130
    assert repository.worktrees == 1
    assert recorder.requests == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("prove", "CTL-7", "--broken", "HEAD", "--fixed", "HEAD", "--", "true"),
        ("prove", "CTL-7", "--broken", "nowhere", "--fixed", "HEAD", "--", "true"),
        ("prove", "CTL-7", "--broken", "HEAD~1", "--fixed", "HEAD", "--overlay", "none.py", "--", "true"),
        ("prove", "CTL-7", "--fixed", "HEAD", "--", "true"),
        ("control", "CTL-7"),
        ("control", "CTL-7", "--"),
        ("dance",),
        (),
    ],
)
def test_it_refuses_bad_usage_before_it_runs_anything(
    arguments: tuple[str, ...], repository: Repository, recorder: Recorder
) -> None:
    done = client(repository.path, *arguments, url=recorder.url)
    assert done.returncode == 64
    assert "readiness: " in done.stderr
    assert recorder.requests == []
    assert repository.worktrees == 1


def test_it_needs_a_key(repository: Repository, recorder: Recorder) -> None:
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url, key="")
    assert done.returncode == 64
    assert "READINESS_KEY" in done.stderr


# --- one run ----------------------------------------------------------------------------------------------------------


def test_it_reports_one_run_of_main(repository: Repository, recorder: Recorder) -> None:
    done = client(repository.path, "control", "CTL-7", "--", *PYTEST, url=recorder.url)
    assert (done.returncode, recorder.bodies[0]["on_main"]) == (0, True)
    assert recorder.bodies[0]["checks"] == [{"id": CHECK, "outcome": "passed"}]
    assert "1 passed" in done.stdout


def test_it_is_not_on_main_beside_it_nor_with_uncommitted_changes(repository: Repository, recorder: Recorder) -> None:
    repository.git("checkout", "-q", "-b", "topic")
    repository.write("budget.py", MENDED + "\n")
    client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    repository.commit("beside main")
    client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    repository.git("checkout", "-q", "main")
    client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert [body["on_main"] for body in recorder.bodies] == [False, False, True]


def test_it_speaks_of_main_only_at_its_last_commit(repository: Repository, recorder: Recorder) -> None:
    """An old build run again, or a bisection, says nothing about main as it is now."""
    repository.git("branch", "release", repository.broken)
    repository.git("checkout", "-q", repository.broken)
    for named in ((), ("--main", "release"), ("--main", "nowhere")):
        done = client(repository.path, "control", "CTL-7", *named, "--", "true", url=recorder.url)
    assert [body["on_main"] for body in recorder.bodies] == [False, True]
    assert (done.returncode, "--main nowhere" in done.stderr) == (64, True)


CASES: dict[str, tuple[str, tuple[str, ...], int, str, list[dict[str, str]]]] = {
    "a skipped test": (
        "import pytest\ndef test_x():\n    pytest.skip('later')\n", (), 0, "passed",
        [{"id": "test_it.py::test_x", "outcome": "skipped"}],
    ),
    "no test at all": ("", (), 5, "error", []),
    "no test selected": ("def test_x():\n    pass\n", ("-k", "nothing"), 5, "error", []),
    "a module that cannot be imported": (
        "import nowhere_at_all\n", (), 2, "error", [{"id": "test_it.py::test_it", "outcome": "error"}],
    ),
    "a fixture that fails": (
        "import pytest\n@pytest.fixture\ndef f():\n    1 / 0\ndef test_x(f):\n    pass\n", (), 1, "error",
        [{"id": "test_it.py::test_x", "outcome": "error"}],
    ),
    "a class of tests": (
        "class TestA:\n    def test_x(self):\n        assert 0\n", (), 1, "failed",
        [{"id": "test_it.py::TestA::test_x", "outcome": "failed"}],
    ),
    "an option that pytest does not know": ("def test_x():\n    pass\n", ("--nonsense",), 4, "error", []),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_it_reads_what_pytest_says(case: str, repository: Repository, recorder: Recorder) -> None:
    content, options, code, outcome, checks = CASES[case]
    repository.write("test_it.py", content)
    command = (sys.executable, "-m", "pytest", "-q", "test_it.py", *options)
    done = client(repository.path, "control", "CTL-7", "--", *command, url=recorder.url)
    sent = recorder.bodies[0]
    assert (done.returncode, sent["outcome"], sent["checks"]) == (code, outcome, checks)


@pytest.mark.parametrize(
    ("command", "code", "outcome"),
    [
        (("true",), 0, "passed"),
        (("false",), 1, "failed"),
        (("./nowhere",), 127, "error"),
        (("sh", "-c", "kill -9 $$"), 137, "error"),
        ((sys.executable, "-c", "import sys; sys.exit(3)"), 3, "failed"),
    ],
)
def test_it_takes_another_command_as_one_check(
    command: tuple[str, ...], code: int, outcome: str, repository: Repository, recorder: Recorder
) -> None:
    done = client(repository.path, "control", "CTL-7", "--", *command, url=recorder.url)
    sent = recorder.bodies[0]
    assert (done.returncode, sent["outcome"]) == (code, outcome)
    assert [check["outcome"] for check in sent["checks"]] == [outcome]


JUNIT = '<testsuite><testcase classname="go" name="A"/><testcase name="B">%s</testcase></testsuite>'


@pytest.mark.parametrize(
    ("inside", "exit_code", "outcome"),
    [("<failure/>", 1, "failed"), ("<failure/>", 0, "failed"), ("<skipped/>", 0, "passed")],
)
def test_it_reads_the_junit_file_of_another_runner(
    inside: str, exit_code: int, outcome: str, repository: Repository, recorder: Recorder
) -> None:
    script = f"import sys; open('out.xml', 'w').write('''{JUNIT % inside}'''); sys.exit({exit_code})"
    command = ("--junit", "out.xml", "--", sys.executable, "-c", script)
    done = client(repository.path, "control", "CTL-7", *command, url=recorder.url)
    sent = recorder.bodies[0]
    assert (done.returncode, sent["outcome"]) == (exit_code, outcome)
    assert [check["id"] for check in sent["checks"]] == ["go::A", "B"]


def test_it_takes_no_report_of_an_earlier_run(repository: Repository, recorder: Recorder) -> None:
    repository.write("out.xml", JUNIT % "")
    client(repository.path, "control", "CTL-7", "--junit", "out.xml", "--", "true", url=recorder.url)
    assert (recorder.bodies[0]["outcome"], recorder.bodies[0]["checks"]) == ("error", [])


def test_it_ends_a_command_that_takes_too_long(repository: Repository, recorder: Recorder) -> None:
    command = ("--timeout", "0.5", "--", sys.executable, "-c", "import time; time.sleep(600)")
    done = client(repository.path, "control", "CTL-7", *command, url=recorder.url)
    assert (done.returncode, recorder.bodies[0]["outcome"]) == (124, "error")


# --- the console that is away, busy or will not -----------------------------------------------------------------------


def test_it_tries_again_and_is_recorded_once(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(503, {"Retry-After": "0"}, b""), (429, {"Retry-After": "0"}, b""), PROVEN]
    assert client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url).returncode == 0
    assert len(recorder.requests) == 3
    assert len({headers["Idempotency-Key"] for _, headers, _ in recorder.requests}) == 1


def test_it_tries_again_after_half_an_answer(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(201, {"Content-Length": "500"}, PROVEN[2][:20]), PROVEN]
    done = client(repository.path, "control", "CTL-7", "--", "false", url=recorder.url)
    assert (done.returncode, len(recorder.requests)) == (1, 2)
    assert "CTL-7 is proven. So." in done.stderr


@pytest.mark.parametrize("answer", [b"[]", b'{"status": "ok"}'])
def test_it_takes_nobody_else_for_the_console(answer: bytes, repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(200, {"Retry-After": "0"}, answer)]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert done.returncode == 69
    assert "nothing was recorded" in done.stderr


@pytest.mark.parametrize(
    ("told", "seconds"), [(None, 2.0), ("7", 7.0), ("0", 0.0), ("900", 30.0), ("-5", 0.0), ("nan", 2.0), ("Fri", 2.0)]
)
def test_it_waits_as_it_is_told_within_bounds(told: str | None, seconds: float) -> None:
    assert pause_of(told, 2.0) == seconds


NOWHERE = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("told", "more", "code"),
    [
        ((), {}, 69),
        ((), {"CI": "true"}, 1),
        ((), {"CI": "false"}, 69),
        ((), {"TEAMCITY_VERSION": "2026.1"}, 1),
        ((), {"CI": "true", "READINESS_IF_AWAY": "fail"}, 69),
        (("--if-away", "fail"), {"CI": "true"}, 69),
        (("--if-away", "pass"), {}, 1),
    ],
)
def test_it_fails_no_build_for_the_console_being_away_unless_told_to(
    told: tuple[str, ...], more: dict[str, str], code: int, repository: Repository
) -> None:
    done = client(repository.path, "control", "CTL-7", *told, "--", "false", url=NOWHERE, **more)
    assert done.returncode == code
    assert "nothing was recorded" in done.stderr


def test_it_refuses_a_setting_that_it_does_not_know(repository: Repository) -> None:
    done = client(repository.path, "control", "CTL-7", "--", "true", url=NOWHERE, READINESS_IF_AWAY="never")
    assert done.returncode == 64
    assert "READINESS_IF_AWAY" in done.stderr


def test_it_takes_no_answer_for_no_verdict(repository: Repository) -> None:
    assert client(repository.path, "verdict", "pilot", url=NOWHERE, CI="true").returncode == 69


@pytest.mark.parametrize("status", [401, 404, 422])
def test_it_tells_a_refusal_and_does_not_try_again(status: int, repository: Repository, recorder: Recorder) -> None:
    problem = {"detail": "Because.", "errors": [{"pointer": "/commit", "detail": "seven digits"}]}
    recorder.answers = [(status, {}, json.dumps(problem).encode())]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert done.returncode == 65
    assert "Because." in done.stderr
    assert "/commit: seven digits" in done.stderr
    assert len(recorder.requests) == 1


def test_it_follows_no_redirect(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(302, {"Location": "https://elsewhere.example/"}, b"")]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert done.returncode == 65
    assert "https://elsewhere.example/" in done.stderr


@pytest.mark.parametrize(("verdict", "code"), [("GO", 0), ("EXTEND", 1), ("NO-GO", 1), ("CANCEL", 2), ("?", 3)])
def test_it_exits_by_the_verdict(verdict: str, code: int, repository: Repository, recorder: Recorder) -> None:
    answer = {"program": "pilot", "verdict": verdict, "blockers": [{"text": "Gate G5 is open."}]}
    recorder.answers = [(200, {}, json.dumps(answer).encode())]
    done = client(repository.path, "verdict", "pilot", url=recorder.url)
    assert done.returncode == code
    assert "Gate G5 is open." in done.stdout
    assert recorder.requests[0][0] == "/ops/verdicts/pilot"


# --- evidence, and what is due ----------------------------------------------------------------------------------------


def test_it_hands_in_a_figure_and_a_report(repository: Repository, recorder: Recorder) -> None:
    recorder.answers = [(201, {}, b'{"evidence": "EV-31", "sha256": "00"}')]
    figure = ("evidence", "coverage", "--value", "87.5", "--unit", "%", "--program", "pilot")
    assert client(repository.path, *figure, url=recorder.url).returncode == 0
    repository.write("out.xml", JUNIT % "")
    done = client(repository.path, "evidence", "tests", "--junit", "out.xml", "--ref", "E-1", url=recorder.url)
    assert "EV-31 is kept" in done.stderr
    (path, _, body), (report_path, headers, _) = recorder.requests
    assert path == "/v1/evidence"
    assert (body["kind"], body["value"], body["unit"], body["program"]) == ("coverage", "87.5", "%", "pilot")
    assert body["commit"] == repository.fixed
    assert report_path == f"/v1/evidence?kind=tests&commit={repository.fixed}&ref=E-1"
    assert headers["Content-Type"] == "application/xml"


def test_it_lists_what_is_due_and_runs_it_when_told_to(repository: Repository, recorder: Recorder) -> None:
    due = {"due_at": "2026-11-30T08:00:00Z", "state": "proven", "overdue": False}
    waiting = [{"control": "CTL-7", "command": "true", **due}, {"control": "CTL-8", "command": "sh -c 'exit 3'", **due}]
    recorder.answers = [(200, {}, json.dumps({"controls": waiting}).encode())] * 2 + [PROVEN]
    done = client(repository.path, "due", url=recorder.url)
    assert done.returncode == 0
    assert "CTL-8  proven, due 2026-11-30T08:00:00Z  sh -c 'exit 3'" in done.stdout
    assert client(repository.path, "due", "--run", url=recorder.url).returncode == 3
    assert [path for path, _, _ in recorder.requests[2:]] == ["/v1/controls/CTL-7/runs", "/v1/controls/CTL-8/runs"]
    assert [body["command"] for body in recorder.bodies[2:]] == ["true", "sh -c 'exit 3'"]


def test_it_runs_what_else_is_due_beside_a_command_that_is_none(repository: Repository, recorder: Recorder) -> None:
    due = {"due_at": None, "state": "stale", "overdue": True}
    waiting = [{"control": "CTL-7", "command": "echo it's", **due}, {"control": "CTL-8", "command": "true", **due}]
    recorder.answers = [(200, {}, json.dumps({"controls": waiting}).encode()), PROVEN]
    done = client(repository.path, "due", "--run", url=recorder.url)
    assert done.returncode == 64
    assert [path for path, _, _ in recorder.requests[1:]] == ["/v1/controls/CTL-8/runs"]


def test_it_runs_what_else_is_due_beside_one_that_is_refused(repository: Repository, recorder: Recorder) -> None:
    due = {"due_at": None, "state": "stale", "overdue": True, "command": "true"}
    waiting = [{"control": "CTL-7", **due}, {"control": "CTL-8", **due}]
    recorder.answers = [(200, {}, json.dumps({"controls": waiting}).encode()), (422, {}, b'{"detail": "No."}'), PROVEN]
    done = client(repository.path, "due", "--run", url=recorder.url)
    assert done.returncode == 65
    assert [path for path, _, _ in recorder.requests[1:]] == ["/v1/controls/CTL-7/runs", "/v1/controls/CTL-8/runs"]


def test_it_lets_no_escape_sequence_through(repository: Repository, recorder: Recorder) -> None:
    hostile = "\x1b[2J\x9b31m\n::set-output name=x::y\u202e"
    recorder.answers = [(201, {}, json.dumps({"state": "proven", "reason": hostile}).encode())]
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert "CTL-7 is proven." in done.stderr
    assert not {"\x1b", "\x9b", "\u202e"} & set(done.stderr)
    assert not any(line.startswith("::") for line in done.stderr.splitlines())


# --- where it runs ----------------------------------------------------------------------------------------------------


def test_it_says_that_git_is_missing(repository: Repository, recorder: Recorder, tmp_path: Path) -> None:
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url, PATH=str(tmp_path))
    assert done.returncode == 64
    assert "git cannot be run" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_that_no_main_ref_is_known(repository: Repository, recorder: Recorder) -> None:
    repository.git("checkout", "-q", "--detach")
    repository.git("branch", "-q", "-m", "main", "trunk")
    done = client(repository.path, "control", "CTL-7", "--", "true", url=recorder.url)
    assert recorder.bodies[0]["on_main"] is False
    assert "READINESS_MAIN" in done.stderr


def test_it_says_what_a_shallow_clone_lacks(repository: Repository, recorder: Recorder, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--depth", "1", repository.path.as_uri(), str(tmp_path / "a b"))
    shallow = Repository(tmp_path / "a b", repository.broken, repository.fixed)
    done = prove(shallow, recorder.url)
    assert (done.returncode, recorder.requests) == (64, [])
    assert "git fetch --unshallow" in done.stderr


def test_it_waits_for_nothing_that_the_command_left_behind(repository: Repository, recorder: Recorder) -> None:
    began = time.monotonic()
    done = client(repository.path, "control", "CTL-7", "--", "sh", "-c", "sleep 20 & echo done", url=recorder.url)
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert time.monotonic() - began < 15


# --- the whole story, at the console itself ---------------------------------------------------------------------------


def test_it_proves_a_control_of_the_console_and_breaks_it_by_a_revert(console: Console, repository: Repository) -> None:
    key = console.key("controls:write")
    assert console.call("GET", "/client/readiness_client.py").body.decode() == client_source()
    with console.tables():
        control = a_control()
        root_cause_write(
            incident_id=control.incident_id, text="It never looked.", broken_commits=[repository.broken], actor=ANYBODY
        )

    def state() -> str:
        with console.tables():
            return str(Control.objects.get(pk=control.pk).state)

    def run(*command: str) -> int:
        return client(
            repository.path, "control", control.public_id, "--", *command, url=console.url, key=key
        ).returncode

    assert run(*PYTEST) == 0
    assert state() == "unproven"  # green first proves nothing
    done = prove(repository, console.url, "--overlay", "tests", control=control.public_id, key=key)
    assert (done.returncode, state()) == (0, "proven"), done.stderr
    repository.git("revert", "--no-edit", "-n", repository.fixed)
    repository.write("tests/test_budget.py", TEST)
    repository.commit("the fix reverted")
    assert (run(*PYTEST), state()) == (1, "broken")
    repository.write("budget.py", MENDED)
    repository.commit("mended again")
    assert (run(*PYTEST), state()) == (0, "proven")
    with console.tables():
        assert ControlRun.objects.filter(control_id=control.pk).count() == 5
    wrong = prove(repository, console.url, "--overlay", "tests", control="CTL-999999", key=key)
    assert wrong.returncode == 65
