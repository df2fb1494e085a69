"""What really is in a system's database, read by the database's own means."""

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Store:
    """The table that holds events, and the column that holds their ids."""

    query: Callable[[str], Rows]
    table: str
    column: str

    def count(self) -> int:
        return int(self.query(f"SELECT count({self.column}) FROM {self.table}")[0][0])

    def ids(self) -> set[str]:
        """As 32 hexadecimal digits, however the system writes them."""
        rows = self.query(f"SELECT {self.column} FROM {self.table}")
        return {str(value).removeprefix("err_").replace("-", "") for (value,) in rows}


def sqlite_store(path: Path, table: str, column: str) -> Store:
    """Reads beside the system, never writes."""

    def query(sql: str) -> Rows:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    return Store(query, table, column)


def postgres_store(url: str, table: str, column: str) -> Store:
    """`url` is what the system itself connects by."""

    def query(sql: str) -> Rows:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    return Store(query, table, column)


def wait_stored(store: Store, *, target: int, quiet_s: float, within_s: float = 300.0) -> float:
    """Wait for `target` rows, or until none has come for `quiet_s`; when the last one came, by `time.perf_counter`."""
    begun = newest = time.perf_counter()
    rows = store.count()
    while rows < target:
        now = time.perf_counter()
        if now - newest > quiet_s or now - begun > within_s:
            break
        time.sleep(0.1)
        before, rows = rows, store.count()
        if rows != before:
            newest = time.perf_counter()
    return newest
