"""What really is in a system's database, read by the database's own means."""

import sqlite3
import time
from collections.abc import Callable, Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

Rows = list[tuple[Any, ...]]
# Every table with its indexes and its out-of-line values; partitions are tables of their own.
_POSTGRES_SIZE = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class Store:
    """The table that holds events, the column that holds their ids, and what the whole database takes on disk.

    `size`: bytes, indexes included, once everything that was written is in its place (a checkpoint, no vacuum).
    """

    query: Callable[[str], Rows]
    table: str
    column: str
    size: Callable[[], int]

    def count(self) -> int:
        return int(self.query(f"SELECT count({self.column}) FROM {self.table}")[0][0])

    def ids(self) -> set[str]:
        """As 32 hexadecimal digits, however the system writes them."""
        rows = self.query(f"SELECT {self.column} FROM {self.table}")
        return {str(value).removeprefix("err_").replace("-", "") for (value,) in rows}


def sqlite_store(path: Path, table: str, column: str) -> Store:
    """Reads beside the system, never writes; only `size` moves the write-ahead log into the file."""

    def query(sql: str) -> Rows:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            return connection.execute(sql).fetchall()

    def size() -> int:
        with closing(sqlite3.connect(path, timeout=30)) as connection:
            busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise AssertionError(f"{path} is in use: its write-ahead log could not be moved into it")
        return path.stat().st_size

    return Store(query, table, column, size)


def postgres_store(url: str, table: str, column: str) -> Store:
    """`url` is what the system itself connects by; `size` connects as the superuser, who may ask for a checkpoint."""

    def query(sql: str) -> Rows:
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(sql.encode()).fetchall()

    def size() -> int:
        with psycopg.connect(url, autocommit=True, user="postgres") as connection:
            connection.execute("CHECKPOINT")
            row = connection.execute(_POSTGRES_SIZE).fetchone()
        assert row is not None
        return int(row[0])

    return Store(query, table, column, size)


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


def lost_find(store: Store, acknowledged: Collection[str], *, before: int, quiet_s: float) -> frozenset[str]:
    """Acknowledged ids that are not stored and will not be. `before`: how many rows there were.

    As many rows as were acknowledged are not yet proof: some may be of requests that got no answer.
    """
    wanted = frozenset(acknowledged)
    wait_stored(store, target=before + len(wanted), quiet_s=quiet_s)
    lost = wanted - store.ids()
    if lost and store.count() >= before + len(wanted):  # else it has been waited for already
        wait_stored(store, target=before + 2**62, quiet_s=quiet_s)
        lost = wanted - store.ids()
    return lost
