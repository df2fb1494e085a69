"""Looking into a system's database."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.stores import Store, sqlite_store, wait_stored


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


def test_it_waits_for_rows_and_for_no_more_than_there_will_be(store: Store) -> None:
    wait_stored(store, target=2, quiet_s=60)
    assert wait_stored(store, target=3, quiet_s=0) <= time.perf_counter()
