"""What tests of the CI client share: a repository with a bug and its fix, a server that notes what it is asked, the
client as the console serves it.
"""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from incidents.lessons.client import client_source

BUGGY = "def allows(spent, budget):\n    return True\n"
MENDED = "def allows(spent, budget):\n    return spent <= budget\n"
TEST = "from budget import allows\n\n\ndef test_refuses():\n    assert not allows(2, 1)\n"
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_budget.py")
JUNIT = '<testsuite><testcase classname="go" name="A"/><testcase name="B">%s</testcase></testsuite>'
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
