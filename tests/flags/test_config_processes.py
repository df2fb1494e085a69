"""/config in several web processes: a flip reaches each within a second, and the database is the only authority."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from flags.workflows import flag_kill, flag_set
from readiness.infra.actor import Actor
from tests.console import ROOT, free_port
from tests.databases import Template
from tests.servers import start, stop, wait_until

ADA = Actor(kind="person", name="ada@example.test", id=1)


@dataclass
class WebProcess:
    """One web server of its own, with nothing in common with the others but the database."""

    port: int
    home: Path
    database_url: str
    process: subprocess.Popen[bytes] = field(init=False)
    connection: http.client.HTTPConnection = field(init=False)

    def start(self) -> None:
        self.home.mkdir(exist_ok=True)
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", self.port]
        environment = {
            "PATH": os.environ["PATH"],
            "READINESS_HOME": str(self.home),
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": os.environ["SECRET_KEY"],
            "PORT": str(self.port),
        }
        words = [str(word) for word in (*command, "--blocking-threads", 4, "--no-ws", "readiness.wsgi:application")]
        log = self.home / "web.log"
        self.process = start(words, log=log, env=environment, cwd=ROOT)
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        wait_until(self._answers, what="the web server's start", within_s=60, child=self.process, log=log)

    def config(self, *, held: str | None = None) -> tuple[int, str, dict[str, object]]:
        """Status, tag, flags."""
        self.connection.request("GET", "/config", headers={"If-None-Match": held} if held else {})
        answer = self.connection.getresponse()
        body = answer.read()
        return answer.status, answer.getheader("ETag") or "", json.loads(body) if body else {}

    def stop(self) -> None:
        self.connection.close()
        stop(self.process)

    def _answers(self) -> bool:
        try:
            return self.config()[0] == 200
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return False


@pytest.fixture
def two(fresh_database: str, tmp_path: Path) -> Iterator[list[WebProcess]]:
    processes = [WebProcess(free_port(), tmp_path / name, fresh_database) for name in ("a", "b")]
    with ExitStack() as ending:
        for process in processes:
            process.start()
            ending.callback(process.stop)
        yield processes


def says(process: WebProcess, value: bool) -> Callable[[], bool]:
    return lambda: process.config()[2].get("syncEnabled") is value


def test_it_shows_a_flip_in_every_process_within_a_second(two: list[WebProcess]) -> None:
    for version, value in enumerate((False, True, False), start=1):
        for process in two:  # each has a fresh memory of the old answer
            assert says(process, not value)()
        flag_set(key="syncEnabled", value=value, expected_version=version, actor=ADA)
        for process in two:
            wait_until(says(process, value), what=f"the flip to {value}", within_s=1)
    assert two[0].config()[1] == two[1].config()[1], "equal answers have equal tags in every process"


def test_it_answers_a_held_tag_with_new_flags_within_a_second(two: list[WebProcess]) -> None:
    _, etag, _ = two[0].config()
    assert [process.config(held=etag)[0] for process in two] == [304, 304]
    flag_kill(key="syncEnabled", actor=ADA, reason="drill")
    for process in two:
        wait_until(lambda process=process: process.config(held=etag)[0] == 200, what="the kill", within_s=1)  # type: ignore[misc]


def test_it_forgets_nothing_in_a_restart(two: list[WebProcess]) -> None:
    flag_set(key="syncEnabled", value=False, expected_version=1, actor=ADA)
    two[0].stop()
    two[0].start()
    assert two[0].config()[2] == {"minIntervalSec": 900, "retryCap": 3, "syncEnabled": False}


@pytest.mark.postgres_only
def test_it_gives_the_last_answer_while_the_database_is_gone(
    two: list[WebProcess], fresh_database: str, template_database: Template
) -> None:
    _, etag, flags = two[0].config()
    template_database.databases.drop(urlsplit(fresh_database).path.rsplit("/", 1)[-1])
    log = two[0].home / "web.log"

    def served_stale() -> bool:
        assert two[0].config() == (200, etag, flags)
        return "config served stale" in log.read_text()

    wait_until(served_stale, what="an answer without a database", log=log)
    assert two[0].config(held=etag)[0] == 304
