"""Queries of operations: what /metrics asks at each scrape. Each is bounded, however much is stored.

Counts of events come from the rollups, sizes of tables from PostgreSQL's own estimates; nothing counts the events.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Min, Sum

from incidents.errors.models import DroppedCount, ErrorRollup
from incidents.triage.models import Incident
from incidents.triage.store import OPEN
from readiness.infra.broker import redis_client
from readiness.infra.heartbeat import WORKERS_KEY
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_pending
from readiness.operations.services.monitoring import Server, TableSize

COUNTED = 10_000  # nobody needs to know how many more than that wait
TABLES_SHOWN = 20
_STATEMENT_MS = 2_500

# A partition counts for its parent; heap, indexes and TOAST in pages, as the last vacuum or analyze left them.
_TABLES = """
SELECT coalesce(parent.relname, t.relname), sum(greatest(t.reltuples, 0))::bigint,
       sum(t.relpages + coalesce(toast.relpages, 0) + coalesce(ix.pages, 0))::bigint
         * current_setting('block_size')::bigint AS bytes
FROM pg_class t
LEFT JOIN pg_class toast ON toast.oid = t.reltoastrelid
LEFT JOIN pg_inherits part ON part.inhrelid = t.oid
LEFT JOIN pg_class parent ON parent.oid = part.inhparent
LEFT JOIN (SELECT x.indrelid, sum(i.relpages) AS pages FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
           GROUP BY x.indrelid) ix ON ix.indrelid = t.oid
WHERE t.relkind = 'r' AND t.relnamespace = current_schema()::regnamespace
GROUP BY 1 ORDER BY bytes DESC, 1 LIMIT %s
"""
_LAST_PARTITION = """
SELECT max(right(c.relname, 8)) FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid
WHERE i.inhparent = to_regclass('infra_error_events') AND c.relname ~ '_[0-9]{8}$'
"""
_CONNECTIONS = """
SELECT coalesce(state, 'unknown'), count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1
"""


def statements_bound() -> None:
    """Inside a transaction: none of its statements takes longer than a scrape can wait."""
    if connection.vendor == "postgresql":
        _rows(f"SET LOCAL statement_timeout = {_STATEMENT_MS}", answers=False)


def _rows(sql: str, params: tuple[Any, ...] = (), *, answers: bool = True) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if answers else []


def server_read() -> Server:
    """Raises django.db.Error."""
    begun = perf_counter()
    _rows("SELECT 1")
    latency = perf_counter() - begun
    if connection.vendor != "postgresql":
        pages, page_bytes = _rows("PRAGMA page_count")[0][0], _rows("PRAGMA page_size")[0][0]
        wal = Path(f"{connection.settings_dict['NAME']}-wal")
        return Server("sqlite", latency, pages * page_bytes, wal_bytes=wal.stat().st_size if wal.exists() else 0)
    return Server(
        "postgresql",
        latency,
        _rows("SELECT pg_database_size(current_database())")[0][0],
        tables=tuple(TableSize(*row) for row in _rows(_TABLES, (TABLES_SHOWN,))),
        connections=dict(_rows(_CONNECTIONS)),
        connections_limit=int(_rows("SHOW max_connections")[0][0]),
    )


def partitions_until() -> datetime | None:
    """The end of the last daily partition; None on SQLite, which has none."""
    if connection.vendor != "postgresql":
        return None
    last = _rows(_LAST_PARTITION)[0][0]
    return datetime.strptime(last, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1) if last else None


def events_since(hour: datetime) -> dict[str, int]:
    """severity → events stored since that hour began."""
    rows = ErrorRollup.objects.filter(hour__gte=hour).values_list("severity")
    return dict(rows.annotate(total=Sum("events")).order_by())


def drops_since(hour: datetime) -> dict[tuple[str, str], int]:
    """(source, reason) → errors dropped since that hour began (index infra_error_drops_hour)."""
    rows = DroppedCount.objects.filter(hour__gte=hour).values_list("source", "reason")
    totals = rows.annotate(total=Sum("quantity")).order_by("-total")[:COUNTED]
    return {(source, reason): total for source, reason, total in totals}


def oldest_hour() -> datetime | None:
    """The first hour that is still kept."""
    first: datetime | None = ErrorRollup.objects.aggregate(first=Min("hour"))["first"]
    return first


def incidents_open_by_priority() -> dict[str, int]:
    """priority → open incidents, samples left out; at most COUNTED of each (index triage_incident_priority)."""
    rows = Incident.objects.filter(synthetic=False, status__in=OPEN)
    return {priority: rows.filter(priority=priority)[:COUNTED].count() for priority in Incident.Priority.values}


def outbox_backlog(now: datetime) -> tuple[int, int, datetime | None]:
    """(pending, dead, since when the longest waiting one is due); counts of at most COUNTED."""
    pending = OutboxMessage.objects.filter(delivered_at__isnull=True, dead_at__isnull=True)[:COUNTED].count()
    dead = OutboxMessage.objects.filter(dead_at__isnull=False)[:COUNTED].count()
    oldest = outbox_pending(now).order_by("due_at").values_list("due_at", flat=True).first()
    return pending, dead, oldest


def queue_read() -> tuple[int, int, int]:
    """(waiting tasks, tasks that a worker holds, bytes of the broker's memory). Raises redis.RedisError."""
    client = redis_client(settings.REDIS_URL)
    workers = [name.decode() if isinstance(name, bytes) else str(name) for name in client.smembers(WORKERS_KEY)]
    with client.pipeline(transaction=False) as pipe:
        pipe.llen(settings.CELERY_TASK_DEFAULT_QUEUE)
        pipe.info("memory")
        for worker in workers:
            pipe.hlen(f"unacked:{worker}")  # readiness.celery gives each worker one of its own
        waiting, memory, *held = pipe.execute()
    return waiting, sum(held), memory["used_memory"]
