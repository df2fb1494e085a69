"""kill -9 of a whole PostgreSQL: what it has committed is there when it has come back."""

from collections.abc import Iterator

import psycopg
import pytest

from tests.bench.ours import database_make, database_server
from tests.bench.stores import postgres_store
from tests.bench.system import postgres_crash
from tests.launcher.processes import tree
from tests.servers import PostgresServer, wait_until


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    with database_server() as running:
        yield running


def test_it_keeps_what_was_committed(server: PostgresServer) -> None:
    url = database_make(server, "kept")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE events (id text)")
        connection.execute("INSERT INTO events VALUES (%s)", ["a" * 32])
    assert server.process is not None
    before = tree(server.process.pid)
    postgres_crash(server)
    wait_until(server.answers, what="PostgreSQL's return", within_s=60)
    store = postgres_store(url, "events", "id")
    assert [process for process in before if process.alive] == []
    assert store.ids() == {"a" * 32}
    assert store.size() > 0
