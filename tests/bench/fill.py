"""A PostgreSQL installation that has been taking errors for a month: a few thousand incidents, millions of events.

The first event of each incident goes in through the front door, so that incident, fingerprint and timeline are the
product's own; all others are copies of its stored row, under other ids and times, that COPY puts straight into the
partitions. What is counted from events (ledger, rollups, hours, releases, incidents) is then counted from these.
"""

import json
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import psycopg

from tests.bench.load import Post, load_run, request_bytes
from tests.bench.ours import dsn_key, envelope_path
from tests.console import Console

DAYS = 30
# What has become of the incidents of a filled installation, in turns (tests.bench.lives).
STATUSES = ("detected", "acknowledged", "diagnosed", "recurred", "prevented", "prevented", *(["closed"] * 4))
PER_CORRELATION = 4  # so many neighbouring events happened together
_BLOCK = 2_000
_COPIERS = 2
_TYPES = ("KeyError", "ValueError", "TimeoutError", "ConnectionError", "PermissionError")
_PARTITIONS = """
from datetime import date
from incidents.errors.store.retention import partitions_make
from readiness.infra.transactions import atomic_write
with atomic_write():
    partitions_make(first=date.fromisoformat({first!r}), days={days})
"""
_KEYS = """
SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u')
"""
_INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid = %s::regclass AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid)
"""
_COUNTED = """
CREATE TEMPORARY TABLE counted AS
SELECT f.incident_id, e.project_id, date_trunc('hour', e.created_at) AS hour, coalesce(e.release, '') AS release,
       e.environment, count(*) AS occurrences, min(e.timestamp) AS first_seen, max(e.timestamp) AS last_seen
FROM infra_error_events e JOIN triage_incident_fingerprint f USING (project_id, fingerprint)
GROUP BY 1, 2, 3, 4, 5
"""
# What is counted from events, made anew from all there are: table → what goes into it.
_COUNTS = {
    "infra_error_ids": """(project_id, error_id, content_hmac, day)
       SELECT project_id, error_id, sha256(error_id::bytea), (created_at AT TIME ZONE 'UTC')::date
       FROM infra_error_events""",
    "infra_error_rollups": """(hour, project_id, component, error_class, severity, events)
       SELECT date_trunc('hour', created_at), project_id, component, error_class, severity, count(*)
       FROM infra_error_events GROUP BY 1, 2, 3, 4, 5""",
    "triage_incident_hour": """(project_id, incident_id, hour, occurrences)
       SELECT project_id, incident_id, hour, sum(occurrences) FROM counted GROUP BY 1, 2, 3""",
    "triage_incident_release": """
       (project_id, incident_id, release, environment, first_seen, last_seen, occurrences)
       SELECT project_id, incident_id, release, environment, min(first_seen), max(last_seen), sum(occurrences)
       FROM counted GROUP BY 1, 2, 3, 4""",
}
_INCIDENTS = """
UPDATE triage_incident i SET occurrences = c.occurrences, first_seen = c.first_seen, last_seen = c.last_seen
FROM (SELECT incident_id, sum(occurrences) AS occurrences, min(first_seen) AS first_seen, max(last_seen) AS last_seen
      FROM counted GROUP BY 1) c
WHERE i.id = c.incident_id
"""


@dataclass(frozen=True)
class Filled:
    """What was loaded: `copied` events in `copy_s` seconds, everything in `seconds`; some correlation ids of them."""

    copied: int
    copy_s: float
    seconds: float
    correlations: Sequence[str]


def small_event(number: int, *, event_id: str, moment: datetime) -> bytes:
    """The envelope of one small failure; each number is an incident of its own."""
    place = f"shop.area{number % 40:02}"
    frames = [
        {"module": "shop.web", "function": "dispatch", "lineno": 31, "in_app": True},
        {"module": place, "function": f"step_{number}", "lineno": 7, "in_app": True, "context_line": "return table[k]"},
    ]
    raised = {"type": _TYPES[number % 5], "value": f"article {number * 31}", "stacktrace": {"frames": frames}}
    event = {
        "event_id": event_id,
        "timestamp": moment.isoformat(),
        "platform": "python",
        "level": "error",
        "transaction": f"/{place}/{number}",
        "release": f"shop@2.{number % 5}",
        "environment": "production",
        "tags": {"region": ("eu-west", "us-east", "ap-south")[number % 3]},
        "exception": {"values": [raised]},
        "contexts": {"trace": {"trace_id": os.urandom(16).hex(), "span_id": os.urandom(8).hex()}},
    }
    header = {"event_id": event_id, "sent_at": moment.isoformat()}
    return b"\n".join([json.dumps(part).encode() for part in (header, {"type": "event"}, event)])


def small_posts(console: Console, numbers: Sequence[int]) -> list[Post]:
    """Requests with one small event each, of these incidents."""
    path, key, now, posts = envelope_path(console), dsn_key(console), datetime.now(UTC), []
    headers = {"X-Sentry-Auth": f"Sentry sentry_key={key}", "Content-Type": "application/x-sentry-envelope"}
    for number in numbers:
        event_id = os.urandom(16).hex()
        body = small_event(number, event_id=event_id, moment=now)
        posts.append(Post(event_id, request_bytes("POST", console.port, path, headers, body)))
    return posts


def fill(console: Console, url: str, *, events: int, incidents: int, today: date | None = None) -> Filled:
    """`url`: the superuser's way into the console's database. Raises AssertionError when the console refuses."""
    begun = time.perf_counter()
    today = today or datetime.now(UTC).date()
    outcome = load_run(port=console.port, posts=small_posts(console, range(incidents)), concurrency=16)
    if outcome.statuses != {200: incidents}:
        raise AssertionError(f"the first events of {incidents} incidents were answered {dict(outcome.statuses)}")
    first = today - timedelta(days=DAYS - 1)
    console.manage("shell", "-c", _PARTITIONS.format(first=first.isoformat(), days=DAYS))
    templates = list(_templates(url, console.demo["project_id"]))
    shares = [events * (number + 1) // DAYS - events * number // DAYS for number in range(DAYS)]
    days = [first + timedelta(days=number) for number in range(DAYS)]
    started = time.perf_counter()
    with ThreadPoolExecutor(_COPIERS) as copiers:
        done = [
            copiers.submit(_copy_today if day == today else _copy_past_day, url, templates, day, count)
            for day, count in zip(days, shares, strict=True)
        ]
        for one in done:
            one.result()
    copy_s = time.perf_counter() - started
    _count(url, today)
    correlations = [
        _correlation(days[number % DAYS], number * 7919 % max(1, shares[number % DAYS] // PER_CORRELATION))
        for number in range(20 * DAYS)
    ]
    return Filled(events, copy_s, time.perf_counter() - begun, list(dict.fromkeys(correlations)))


@dataclass(frozen=True)
class Template:
    """A stored row as COPY writes it, with a place for what differs; `order`: which of _SLOTS comes where."""

    line: bytes
    order: tuple[int, ...]

    def fill(self, error_id: bytes, moment: bytes, correlation_id: bytes) -> bytes:
        """One more row like it."""
        values = (error_id, moment, correlation_id, moment)
        return self.line % (values[self.order[0]], values[self.order[1]], values[self.order[2]], values[self.order[3]])


_SLOTS = ("error_id", "timestamp", "correlation_id", "created_at")


def _templates(url: str, project_id: int) -> Iterator[Template]:
    """The rows that came in through the front door, whatever columns the table has by now."""
    rows = f"SELECT * FROM infra_error_events WHERE project_id = {project_id:d} AND component LIKE 'shop.area%'"
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(f"{rows} LIMIT 0".encode())
        assert cursor.description is not None
        names = [column.name for column in cursor.description]
        order = tuple(sorted(range(len(_SLOTS)), key=lambda slot: names.index(_SLOTS[slot])))
        with cursor.copy(f"COPY ({rows}) TO STDOUT".encode()) as copy:
            text = b"".join(bytes(block) for block in copy)
    for line in text.splitlines(keepends=True):
        cells = line.replace(b"%", b"%%").rstrip(b"\n").split(b"\t")
        cells = [b"%b" if name in _SLOTS else cell for name, cell in zip(names, cells, strict=True)]
        yield Template(b"\t".join(cells) + b"\n", order)


@cache
def _seconds_of_day() -> list[bytes]:
    return [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}".encode() for s in range(86_400)]


def _correlation(day: date, group: int) -> str:
    return f"{day:%Y%m%d}{group:024x}"


@contextmanager
def _unindexed(connection: psycopg.Connection, table: str) -> Iterator[None]:
    """Inside, an empty table without indexes; on the way out they are built by sorting, all in one transaction.

    Of a table emptied in the same transaction PostgreSQL takes rows frozen (no vacuum has to come) and without writing
    each to its log. The triggers that keep tables append-only are asleep meanwhile: only a superuser can do that.
    """
    with connection.transaction():
        _run(connection, "SET LOCAL session_replication_role = replica")
        _run(connection, "SET LOCAL maintenance_work_mem = '256MB'")
        keys = connection.execute(_KEYS, [table]).fetchall()
        indexes = connection.execute(_INDEXES, [table]).fetchall()
        for key, _ in keys:
            _run(connection, f"ALTER TABLE {table} DROP CONSTRAINT {key}")
        for index, _ in indexes:
            _run(connection, f"DROP INDEX {index}")
        _run(connection, f"TRUNCATE {table}")
        yield
        for key, definition in keys:
            _run(connection, f"ALTER TABLE {table} ADD CONSTRAINT {key} {definition}")
        for _, definition in indexes:
            _run(connection, definition)


def _run(connection: psycopg.Connection, statement: str) -> None:
    connection.execute(statement.encode())


def _row(connection: psycopg.Connection, statement: str, *values: object) -> tuple[Any, ...]:
    row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row


def _copy_past_day(url: str, templates: Sequence[Template], day: date, count: int) -> None:
    """Into the day's partition, taken out of its table meanwhile: it has no rows yet, and nobody writes to it."""
    name = f"infra_error_events_{day:%Y%m%d}"
    with psycopg.connect(url, autocommit=True) as connection:
        (bound,) = _row(connection, "SELECT pg_get_expr(relpartbound, oid) FROM pg_class WHERE relname = %s", name)
        _run(connection, f"ALTER TABLE infra_error_events DETACH PARTITION {name}")
        with _unindexed(connection, name):
            _copy(connection, f"COPY {name} FROM STDIN WITH (FREEZE)", templates, day, count)
        _run(connection, f"ALTER TABLE infra_error_events ATTACH PARTITION {name} {bound}")


def _copy_today(url: str, templates: Sequence[Template], day: date, count: int) -> None:
    """Into the partition that the console writes to: as it is."""
    with psycopg.connect(url) as connection:
        _copy(connection, "COPY infra_error_events FROM STDIN", templates, day, count)


def _copy(connection: psycopg.Connection, statement: str, templates: Sequence[Template], day: date, count: int) -> None:
    """Events spread evenly over the day, today's over what has passed of it."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    length = min(86_400.0, max(1.0, (datetime.now(UTC) - midnight).total_seconds() - 1))
    with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        for start in range(0, count, _BLOCK):
            numbers = range(start, min(start + _BLOCK, count))
            copy.write(b"".join(_lines(templates, day, numbers, length / count)))


def _lines(templates: Sequence[Template], day: date, numbers: range, step_s: float) -> Iterator[bytes]:
    ids = os.urandom(16 * len(numbers)).hex()
    clock, stamp, total = _seconds_of_day(), f"{day:%Y-%m-%d} ".encode(), len(templates)
    groups = f"{day:%Y%m%d}".encode()
    offset = day.toordinal() * 613
    for place, number in enumerate(numbers):
        passed = number * step_s
        second = int(passed)
        moment = b"%b%b.%06d+00" % (stamp, clock[second], int((passed - second) * 1_000_000))
        template = templates[(number * 7919 + offset) % total]
        error_id = b"err_" + ids[32 * place : 32 * place + 32].encode()
        yield template.fill(error_id, moment, b"%b%024x" % (groups, number // PER_CORRELATION))


def _count(url: str, today: date) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        _run(connection, "SET work_mem = '256MB'")
        _run(connection, _COUNTED)
        for table, rows in _COUNTS.items():
            with _unindexed(connection, table):
                _run(connection, f"INSERT INTO {table} {rows}")
        _run(connection, _INCIDENTS)
        # What autovacuum does within minutes; the partitions of days past came frozen.
        tables = ", ".join([*_COUNTS, "triage_incident", f"infra_error_events_{today:%Y%m%d}"])
        _run(connection, f"VACUUM (ANALYZE) {tables}")
        _run(connection, "ANALYZE infra_error_events")
