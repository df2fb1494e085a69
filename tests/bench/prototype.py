"""The nearest thing to a limit for ingest: what cannot be left out of storing an event, and nothing else.

A WSGI application without a framework that gunzips, parses, scans for secrets, hashes the in-app frames, compresses and
stores event and incident counter by group commit, on the console's own web server and libraries. It knows no keys,
limits, classes, ids, retries, rollups or refusals, and a restart forgets nothing only because the database does not.

READINESS_BENCH_DATABASE is a path (SQLite) or how psycopg connects (`host=…`).
"""

import hashlib
import os
import queue
import sqlite3
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import psycopg
import re2
import zstandard

Row = tuple[str, str, float, bytes]  # event id, group, moment, compressed event
_SECRETS = re2.compile(
    r"(?i)(?:password|passwd|secret|api_?key|auth|credential|token|session|csrf|cookie|private_key)\"?\s*[:=]"
    r"|bearer\s|://[^\s:/@\"]*:[^\s/@\"]+@|\beyJ[a-z0-9_-]{8}|-----BEGIN |\bAKIA|[a-z0-9._%+-]@[a-z0-9-]+\.[a-z]"
    r"|\b\d{3}-\d{2}-\d{4}\b|\b[2-6]\d(?:[ -]?\d){11}"
)
_json = msgspec.json.Decoder()
_local = threading.local()


class Committer:
    """Requests that wait at the same time share one transaction; each goes on when it is on disk."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._waiting: queue.SimpleQueue[tuple[Row, threading.Event]] = queue.SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def store(self, row: Row) -> None:
        done = threading.Event()
        self._waiting.put((row, done))
        done.wait(60)

    def _run(self) -> None:
        commit = _postgres_commit(self._database) if "=" in self._database else _sqlite_commit(self._database)
        while True:
            batch = [self._waiting.get()]
            while not self._waiting.empty() and len(batch) < 400:
                batch.append(self._waiting.get())
            commit([row for row, _ in batch])
            for _, done in batch:
                done.set()


def _sqlite_commit(path: str) -> Callable[[list[Row]], None]:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")

    def commit(rows: list[Row]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        connection.executemany(
            "INSERT INTO incidents VALUES (?, ?) ON CONFLICT (grouped) DO UPDATE SET events = events + excluded.events",
            sorted(Counter(row[1] for row in rows).items()),
        )
        connection.execute("COMMIT")

    return commit


def _postgres_commit(database: str) -> Callable[[list[Row]], None]:
    connection = psycopg.connect(database)

    def commit(rows: list[Row]) -> None:
        with connection.pipeline(), connection.cursor() as cursor:
            cursor.executemany("INSERT INTO events VALUES (%s, %s, %s, %s)", rows)
            cursor.executemany(
                "INSERT INTO incidents VALUES (%s, %s) "
                "ON CONFLICT (grouped) DO UPDATE SET events = incidents.events + excluded.events",
                sorted(Counter(row[1] for row in rows).items()),  # in order: two processes never wait crosswise
            )
            connection.commit()

    return commit


def row_make(body: bytes) -> Row:
    """All the work on one gzipped envelope before it is stored."""
    raw = zlib.decompress(body, 16 + zlib.MAX_WBITS)
    header, _, payload = raw.split(b"\n", 2)
    event: dict[str, Any] = _json.decode(payload)
    payload = _SECRETS.sub(b"[Filtered]", payload)
    frames = [
        f"{frame.get('module')}:{frame.get('function')}"
        for value in event["exception"]["values"]
        for frame in value["stacktrace"]["frames"]
        if frame.get("in_app")
    ]
    grouped = hashlib.sha256("\n".join(frames).encode()).hexdigest()[:32]
    if not hasattr(_local, "compressor"):
        _local.compressor = zstandard.ZstdCompressor(level=3)
    return _json.decode(header)["event_id"], grouped, time.time(), _local.compressor.compress(payload)


class Application:
    """POST anything gzipped; 200 once it is committed."""

    def __init__(self, database: str) -> None:
        self._committer = Committer(database)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":  # "are you there?"
            start_response("200 OK", [("Content-Length", "0")])
            return []
        row = row_make(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        self._committer.store(row)
        body = b'{"id":"%s"}' % row[0].encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def application() -> Application:
    """For granian's --factory: one in each of its processes."""
    return Application(os.environ["READINESS_BENCH_DATABASE"])
