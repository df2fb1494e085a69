"""The console as it really runs: `manage.py up` with its web server, Celery worker, beat and Valkey, in their own
processes, on a free port, against a copy of the template database of the chosen kind.
"""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from email.message import Message
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pytest_django.plugin import DjangoDbBlocker

from tests.databases import Template, connected_to
from tests.servers import start, stop, wait_until

ROOT = Path(__file__).resolve().parent.parent
FOUNDER_EMAIL, FOUNDER_PASSWORD = "founder@example.test", "correct horse battery staple"
_INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Answer:
    """What the console answered; refusals too, without an exception."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Console:
    """One installation. `env` is what every process of it has; give changes before `start()`. `connect`: how a test's
    own ORM comes to its tables, which is quicker than a command; None outside a test, where there is no Django.
    """

    home: Path
    port: int
    database: str
    env: dict[str, str]
    connect: Callable[[], AbstractContextManager[None]] | None
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "up.log"

    def start(self) -> None:
        """`manage.py up`; returns when /readyz answers 200."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, str(ROOT / "manage.py"), "up"]
        self.process = start(command, log=self.log, env=self.env, cwd=ROOT)
        wait_until(self._ready, what="the console's start", within_s=90, child=self.process, log=self.log)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it as an operator would; returns the launcher's exit status."""
        assert self.process is not None
        return stop(self.process, how, patience_s=40)

    def manage(self, *args: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a management command of this installation; `expect=None` accepts any exit status."""
        done = subprocess.run(
            [sys.executable, ROOT / "manage.py", *args],
            env=self.env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if expect is not None and done.returncode != expect:
            raise AssertionError(f"manage.py {' '.join(args)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    @cached_property
    def demo(self) -> dict[str, Any]:
        """The tenant `demo`, onboarded on first use: what `onboard_tenant demo --json` prints."""
        if self.connect is None:
            onboarded: dict[str, Any] = json.loads(self.manage("onboard_tenant", "demo", "--json").stdout)
            return onboarded
        return self._onboard()

    def _onboard(self) -> dict[str, Any]:
        from readiness.tenants.access import COMMAND_LINE
        from readiness.tenants.adapters import onboarding_body
        from readiness.tenants.workflows import tenant_onboard

        with self.tables():  # the use-case itself: a process of its own would take seconds
            onboarded = tenant_onboard(slug="demo", name="", trusted=False, actor=COMMAND_LINE)
        return dict(onboarding_body(onboarded, base_url=self.url))

    @property
    def dsn(self) -> str:
        """The Sentry DSN of the tenant `demo`."""
        return str(self.demo["dsn"])

    def key(self, *scopes: str) -> str:
        """A founder's key of the installation with these scopes."""
        name = f"test-{time.monotonic_ns()}"
        if self.connect is None:
            arguments = [part for scope in scopes for part in ("--scope", scope)]
            return str(json.loads(self.manage("create_key", name, *arguments, "--json").stdout)["key"])
        from readiness.tenants.access import COMMAND_LINE
        from readiness.tenants.workflows import key_create

        with self.tables():
            return key_create(name=name, scopes=scopes, tenant=None, environment="production", actor=COMMAND_LINE).key

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 30,
    ) -> Answer:
        """One HTTP request; `body` is sent as it is when bytes, else as JSON. Redirects are not followed."""
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if key is not None:
            request.add_header("Authorization", f"Bearer {key}")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        try:
            with _opener.open(request, timeout=timeout_s) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as refused:
            with refused:
                return Answer(refused.code, refused.headers, refused.read())

    def tables(self) -> AbstractContextManager[None]:
        """Inside, this test's own ORM looks at the console's database."""
        assert self.connect is not None
        return self.connect()

    def _ready(self) -> bool:
        try:
            return self.call("GET", "/readyz", timeout_s=5).status == 200
        except OSError:
            return False


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def free_port() -> int:
    """A port nobody listens on, below those that the kernel hands out: no outgoing connection takes it meanwhile."""
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


@contextmanager
def running_console(
    template: Template, blocker: DjangoDbBlocker, home: Path, *, env: Mapping[str, str] | None = None
) -> Iterator[Console]:
    """A console against its own copy of the template, ended (and its database dropped) on the way out."""
    database, port = template.copy(), free_port()

    @contextmanager
    def connect() -> Iterator[None]:
        with blocker.unblock(), connected_to(database):
            yield

    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ} | {
        "READINESS_HOME": str(home),
        "PORT": str(port),
        "DATABASE_URL": template.databases.url(database),
        "READINESS_STATIC_ROOT": str(template.home / "static"),  # collected once for all consoles of a run
        "READINESS_HASH_KEY": settings.READINESS_HASH_KEY,  # keys that the test makes itself are known there
        "READINESS_WEB_PROCESSES": "1",  # two are asked for where two matter
        "READINESS_FOUNDER_EMAIL": FOUNDER_EMAIL,
        "READINESS_FOUNDER_PASSWORD": FOUNDER_PASSWORD,
        **(env or {}),
    }
    console = Console(home, port, database, environment, connect)
    with ExitStack() as ending:
        ending.callback(template.databases.drop, database)
        ending.callback(lambda: console.process and console.stop())
        console.start()
        yield console


@pytest.fixture(scope="session")
def console(template_database: Template, django_db_blocker: DjangoDbBlocker) -> Iterator[Console]:
    """The console that all tests of the run share: they name what they make so that none minds the others'."""
    with running_console(template_database, django_db_blocker, template_database.home / "console") as running:
        yield running


@pytest.fixture
def fresh_console(template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Iterator[Console]:
    """A console of its own: for tests that kill its processes or count everything in it. Takes seconds to start."""
    with running_console(template_database, django_db_blocker, tmp_path / "home") as running:
        yield running


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows the end of the console's log."""
    report = yield
    for used in getattr(item, "funcargs", {}).values():
        if isinstance(used, Console) and report.failed and used.log.exists():
            report.sections.append(("Console log", used.log.read_text(errors="replace")[-5000:]))
    return report
