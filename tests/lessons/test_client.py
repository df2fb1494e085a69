"""The CI client against a real git repository, a recording HTTP server, and once the console itself."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from incidents.lessons.client import client_source
from incidents.lessons.models import Control, ControlRun
from incidents.lessons.workflows import root_cause_write
from tests.console import Console
from tests.factories import ANYBODY, a_control
from tests.lessons.client_case import (
    BUGGY,
    CHECK,
    JUNIT,
    MENDED,
    PYTEST,
    TEST,
    Recorder,
    Repository,
    client,
    environment,
    prove,
    script,
)
from tests.servers import wait_until

pytestmark = pytest.mark.once


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
