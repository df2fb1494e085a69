"""The console under measurement: `manage.py up`, as a founder starts it, on SQLite or on PostgreSQL."""

import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

from readiness.supervisor.home import pid_read
from tests.bench.stores import Store, postgres_store, sqlite_store
from tests.bench.system import System
from tests.console import FOUNDER_EMAIL, FOUNDER_PASSWORD, Console, free_port
from tests.launcher.processes import Process, programs, tree
from tests.servers import PostgresServer, wait_until

# What steers the console or make; the machine's own ways to the network and to caches stay.
_STEERING = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "SENTRY_DSN", "TRACEPARENT", "VIRTUAL_ENV")
_STEERING_PREFIXES = ("READINESS_", "MAKE", "MFLAGS", "DJANGO_", "PYTHON")
_EVENTS = ("infra_error_events", "error_id")
STORES_EVENTS = ("web", "worker", "broker")


def bare_environment() -> dict[str, str]:
    """This process's environment without what would steer a console."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _STEERING and not name.startswith(_STEERING_PREFIXES)
    }


def launcher_pid(home: Path) -> int:
    """The supervisor of the console that runs from this home."""
    pid = pid_read(home)
    assert pid is not None, f"no console runs from {home}"
    return pid


def own_programs(home: Path) -> dict[str, Process]:
    """Its programs by name: web, worker, beat, broker."""
    return programs(launcher_pid(home))


def wait_idle(home: Path) -> None:
    """Until what runs once after a start has ended."""

    def busy() -> bool:
        return any("first_start" in process.command for process in tree(launcher_pid(home)))

    wait_until(lambda: not busy(), what="the end of the first start", within_s=60)


@contextmanager
def running(home: Path, *, env: Mapping[str, str] | None = None) -> Iterator[Console]:
    """A console with defaults only in an empty home, ended on the way out."""
    shutil.rmtree(home, ignore_errors=True)
    port = free_port()
    environment = {
        **bare_environment(),
        "READINESS_HOME": str(home),
        "PORT": str(port),
        "READINESS_FOUNDER_EMAIL": FOUNDER_EMAIL,
        "READINESS_FOUNDER_PASSWORD": FOUNDER_PASSWORD,
        **(env or {}),
    }
    console = Console(home, port, environment.get("DATABASE_URL", ""), environment, nullcontext)
    try:
        console.start()
        yield console
    finally:
        if console.process is not None:
            console.stop()


@contextmanager
def ours(home: Path, *, postgres: bool) -> Iterator[System]:
    """The console as a system that takes envelopes."""
    with ExitStack() as ending:
        env: dict[str, str] = {}
        store: Store
        if postgres:
            server = PostgresServer.prepare(durable=True)
            ending.callback(server.end)
            server.ensure_started()
            with server.connect() as maintenance:
                maintenance.execute("CREATE DATABASE bench")
            env["DATABASE_URL"] = server.url("bench")
            store = postgres_store(f"host={server.directory} user=readiness dbname=bench", *_EVENTS)
        else:
            store = sqlite_store(home / "console.sqlite3", *_EVENTS)
        console = ending.enter_context(running(home, env=env))
        project = console.demo["project_id"]
        wait_idle(home)
        yield System(
            name=f"this console, {'PostgreSQL' if postgres else 'SQLite'}",
            port=console.port,
            path=f"/api/{project}/envelope/",
            key=console.dsn.partition("//")[2].partition("@")[0],
            store=store,
            crash=lambda: _crash(home),
            quiet_s=5.0,  # what it has acknowledged is there; the wait is for the unexpected only
        )


def _crash(home: Path) -> None:
    """The supervisor stays: to start them again is its work. Each program leads a process group of its own."""
    for name, process in own_programs(home).items():
        if name in STORES_EVENTS:
            os.killpg(process.pid, signal.SIGKILL)
