"""Copies of one migrated template database: what a test that commits gets instead of a flush.

Append-only tables refuse DELETE and TRUNCATE (that is their point), so nothing can be emptied between tests; a copy
costs some 30 ms on PostgreSQL, whose files lie in memory then (tests.servers.quick_folder), and a few on SQLite.
"""

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from django.core.management import call_command
from django.db import connection, connections
from psycopg import sql

from tests.servers import PostgresServer

_numbers = itertools.count(1)


class Databases(Protocol):
    """The databases of one kind. A name is what settings.DATABASES["default"]["NAME"] takes."""

    def ensure_ready(self) -> None:
        """Start what has to run."""

    def create(self, name: str) -> None: ...

    def copy(self, source: str, name: str) -> None:
        """Make `name` a copy of `source`, to which nobody may be connected."""

    def drop(self, name: str) -> None: ...

    def fresh_name(self) -> str: ...

    def url(self, name: str) -> str:
        """The DATABASE_URL of `name`."""


class SqliteDatabases:
    """Files in the run's home; a name is a path."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def ensure_ready(self) -> None:
        self.home.mkdir(exist_ok=True)

    def create(self, name: str) -> None:
        Path(name).touch()

    def copy(self, source: str, name: str) -> None:
        original = sqlite3.connect(source)
        try:  # what a write-ahead log still holds belongs into the file before it is copied
            original.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            original.close()
        shutil.copyfile(source, name)

    def drop(self, name: str) -> None:
        for end in ("", "-wal", "-shm"):
            Path(name + end).unlink(missing_ok=True)

    def fresh_name(self) -> str:
        return str(self.home / f"fresh_{next(_numbers)}.sqlite3")

    def url(self, name: str) -> str:
        return f"sqlite:///{name}"


class PostgresDatabases:
    """Databases of the run's own server."""

    def __init__(self, server: PostgresServer) -> None:
        self.server = server

    def ensure_ready(self) -> None:
        self.server.ensure_started()

    def _run(self, statement: str, *names: str, user: str = "readiness") -> None:
        with self.server.connect(user) as maintenance:
            maintenance.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def create(self, name: str) -> None:
        self._run("CREATE DATABASE {}", name)

    def copy(self, source: str, name: str) -> None:
        self._run("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY", name, source)

    def drop(self, name: str) -> None:
        # As the superuser: somebody of another role may still look at it.
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name, user="postgres")

    def fresh_name(self) -> str:
        return f"fresh_{next(_numbers)}"

    def url(self, name: str) -> str:
        return self.server.url(name)


def disconnect() -> None:
    """Close this process's connections, the pool's idle ones included."""
    connections.close_all()
    close_pool = getattr(connection, "close_pool", None)
    if close_pool is not None:
        close_pool()


def connect_to(name: str) -> None:
    """Let every thread of this process meet `name` from its next query on."""
    disconnect()
    connections.databases["default"]["NAME"] = name
    connection.settings_dict["NAME"] = name


@contextmanager
def connected_to(name: str) -> Iterator[None]:
    """Inside, this process's default database is `name`."""
    before = str(connection.settings_dict["NAME"])
    connect_to(name)
    try:
        yield
    finally:
        connect_to(before)


def migrate(name: str) -> None:
    """Lay our tables into the empty database `name`."""
    with connected_to(name):
        call_command("migrate", verbosity=0, interactive=False)


@dataclass(frozen=True)
class Template:
    """The migrated database nobody connects to; `home` is the run's own folder."""

    databases: Databases
    name: str
    home: Path

    def copy(self) -> str:
        """The name of a new database like it."""
        name = self.databases.fresh_name()
        self.databases.copy(self.name, name)
        return name
