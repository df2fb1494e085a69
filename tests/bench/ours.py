"""The console under measurement: `manage.py up`, as a founder starts it, on SQLite or on PostgreSQL."""

import os
import shutil
import signal
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from psycopg import sql

from readiness.supervisor.home import pid_read
from tests.bench.stores import postgres_store, sqlite_store
from tests.bench.system import Role, System, postgres_crash
from tests.console import FOUNDER_EMAIL, FOUNDER_PASSWORD, Console, free_port
from tests.launcher.processes import Process, programs, tree
from tests.servers import PostgresServer, wait_until

# What steers the console or make; the machine's own ways to the network and to caches stay.
_STEERING = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PORT", "SENTRY_DSN", "TRACEPARENT", "VIRTUAL_ENV")
_STEERING_PREFIXES = ("READINESS_", "MAKE", "MFLAGS", "DJANGO_", "PYTHON")
_EVENTS = ("infra_error_events", "error_id")
# Limits that no load reaches; they are counted against as ever. The peer's quotas are set the same way.
_UNLIMITED = {
    "READINESS_KEY_EVENTS_PER_MINUTE": "1000000000",
    "READINESS_INCIDENT_EVENTS_PER_MINUTE": "1000000000",
    "READINESS_SPIKE_FACTOR": "1000000000",
}


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
    """A console with defaults (but for the limits) in an empty home, ended on the way out."""
    shutil.rmtree(home, ignore_errors=True)
    port = free_port()
    environment = {
        **bare_environment(),
        "READINESS_HOME": str(home),
        "PORT": str(port),
        "READINESS_FOUNDER_EMAIL": FOUNDER_EMAIL,
        "READINESS_FOUNDER_PASSWORD": FOUNDER_PASSWORD,
        **_UNLIMITED,
        **(env or {}),
    }
    console = Console(home, port, environment.get("DATABASE_URL", ""), environment, None)
    try:
        console.start()
        yield console
    finally:
        if console.process is not None:
            console.stop()


@contextmanager
def database_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of its own, as durable as one in production, with the memory that such a one is given."""
    server = PostgresServer.prepare(durable=True, options={"shared_buffers": "256MB", "max_wal_size": "2GB"})
    try:
        server.ensure_started()
        yield server
    finally:
        server.end()


def database_make(server: PostgresServer, name: str) -> str:
    """An empty database of the role that systems connect as; how psycopg connects to it."""
    with server.connect() as maintenance:
        maintenance.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return f"host={server.directory} user=readiness dbname={name}"


@contextmanager
def ours(home: Path, *, postgres: bool) -> Iterator[System]:
    """The console as a system that takes envelopes."""
    with ExitStack() as ending:
        env: dict[str, str] = {}
        server: PostgresServer | None = None
        store = sqlite_store(home / "console.sqlite3", *_EVENTS)
        if postgres:
            server = ending.enter_context(database_server())
            store = postgres_store(database_make(server, "bench"), *_EVENTS)
            env["DATABASE_URL"] = server.url("bench")
        console = ending.enter_context(running(home, env=env))
        wait_idle(home)
        yield System(
            name=f"this console, {'PostgreSQL' if postgres else 'SQLite'}",
            role=Role.OURS,
            database="PostgreSQL" if postgres else "SQLite",
            port=console.port,
            path=envelope_path(console),
            key=dsn_key(console),
            store=store,
            programs=("web", "worker", "broker", *(("database",) if postgres else ())),
            kill=lambda names: _kill(home, server, names),
            ready=lambda: _ready(console, server),
            roots=lambda: [launcher_pid(home), *_process_of(server)],
            quiet_s=5.0,  # what it has acknowledged is there; the wait is for the unexpected only
        )


def envelope_path(console: Console) -> str:
    """Where its tenant's envelopes go."""
    return f"/api/{console.demo['project_id']}/envelope/"


def dsn_key(console: Console) -> str:
    """The public key of its tenant's DSN."""
    return console.dsn.partition("//")[2].partition("@")[0]


def _process_of(server: PostgresServer | None) -> list[int]:
    return [server.process.pid] if server is not None and server.process is not None else []


def _kill(home: Path, server: PostgresServer | None, names: Collection[str]) -> None:
    """The supervisor stays: to start its programs again is its work. Each leads a process group of its own."""
    running_now = own_programs(home)
    for name in names:
        if name != "database":
            os.killpg(running_now[name].pid, signal.SIGKILL)
    if "database" in names:
        assert server is not None
        postgres_crash(server)


def _ready(console: Console, server: PostgresServer | None) -> bool:
    if server is not None and not server.answers():
        return False
    try:
        answers = console.call("GET", "/readyz", timeout_s=5).status == 200
    except OSError:
        return False
    return answers and own_programs(console.home).keys() >= {"web", "worker", "beat", "broker"}
