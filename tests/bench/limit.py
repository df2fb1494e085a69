"""The bare prototype (tests.bench.prototype) as a system: what the machine allows when almost nothing is asked."""

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psycopg

from tests.bench.ours import bare_environment, database_make, database_server
from tests.bench.stores import postgres_store, sqlite_store
from tests.bench.system import Role, System, group_end
from tests.console import ROOT, free_port
from tests.servers import start, wait_until

PROCESSES, THREADS = 2, 64
_EVENTS = ("events", "id")
_TABLES = """
CREATE TABLE events
    (id text PRIMARY KEY, grouped text NOT NULL, at double precision NOT NULL, payload {bytes} NOT NULL);
CREATE TABLE incidents (grouped text PRIMARY KEY, events bigint NOT NULL);
"""


@contextmanager
def prototype(home: Path, *, postgres: bool) -> Iterator[System]:
    """Two granian processes on a database of their own, ended on the way out."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with ExitStack() as ending:
        server = ending.enter_context(database_server()) if postgres else None
        if server is not None:
            database = database_make(server, "prototype")
            with psycopg.connect(database) as connection:
                connection.execute(_TABLES.format(bytes="bytea"))
            store = postgres_store(database, *_EVENTS)
        else:
            database = str(home / "prototype.sqlite3")
            with closing(sqlite3.connect(database)) as connection:
                connection.executescript("PRAGMA journal_mode=WAL;" + _TABLES.format(bytes="blob"))
            store = sqlite_store(Path(database), *_EVENTS)
        port = free_port()
        options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
        size = ["--workers", str(PROCESSES), "--blocking-threads", str(THREADS), "--backpressure", "1024", "--no-ws"]
        command = [sys.executable, "-m", "granian", *options, *size, "--factory", "tests.bench.prototype:application"]
        environment = {**bare_environment(), "READINESS_BENCH_DATABASE": database}
        process = start(command, log=home / "prototype.log", env=environment, cwd=ROOT)
        ending.callback(group_end, process)
        wait_until(lambda: _answers(port), what="the prototype's start", child=process, log=home / "prototype.log")
        yield System(
            name=f"bare prototype, {'PostgreSQL' if postgres else 'SQLite'}",
            role=Role.LIMIT,
            database="PostgreSQL" if postgres else "SQLite",
            port=port,
            path="/",
            key="",
            store=store,
            programs=(),
            kill=lambda names: None,
            ready=lambda: _answers(port),
            roots=lambda: [process.pid, *([server.process.pid] if server is not None and server.process else [])],
            quiet_s=5.0,
        )


def _answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
