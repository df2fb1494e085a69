"""Looking into a system's database."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.stores import Store, lost_find, sqlite_store, wait_stored


@pytest.fixture
def store(tmp_path: Path) -> Store:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (id TEXT)")
        connection.executemany("INSERT INTO events VALUES (?)", [("err_" + "a" * 32,), ("b" * 8 + "-" + "b" * 24,)])
        connection.commit()
    return sqlite_store(path, "events", "id")


def test_it_reads_ids_however_a_system_writes_them(store: Store) -> None:
    assert store.ids() == {"a" * 32, "b" * 32}


def test_it_never_writes(store: Store) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.query("DELETE FROM events")


def test_it_measures_the_file_with_its_log_moved_into_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE events (id TEXT)")
        connection.execute("INSERT INTO events VALUES (?)", ["x" * 100_000])
        connection.commit()
        assert sqlite_store(path, "events", "id").size() > 100_000


def test_it_finds_lost_ids_only_once_nothing_comes_any_more(store: Store) -> None:
    assert lost_find(store, ["a" * 32], before=1, quiet_s=60) == frozenset()
    assert lost_find(store, ["a" * 32, "c" * 32], before=0, quiet_s=0) == {"c" * 32}


def test_it_waits_for_rows_and_for_no_more_than_there_will_be(store: Store) -> None:
    wait_stored(store, target=2, quiet_s=60)
    assert wait_stored(store, target=3, quiet_s=0) <= time.perf_counter()
