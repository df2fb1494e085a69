"""What leaves operations for machines: field selection and names."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from readiness.infra.clock import isoz
from readiness.operations.services.health import HealthVerdict
from readiness.operations.services.monitoring import BrokerReading, DatabaseReading, Reading, Server


def health_json(verdict: HealthVerdict, *, version: str, at: datetime) -> dict[str, Any]:
    """`{status: ready|not ready, checks: [{name, status: pass|fail, detail, mend, latency_ms}], version, at}`."""
    return {
        "status": "ready" if verdict.ready else "not ready",
        "checks": [
            {
                "name": check.name,
                "status": "pass" if check.passed else "fail",
                "detail": check.detail,
                "mend": check.mend,
                "latency_ms": check.latency_ms,
            }
            for check in verdict.checks
        ],
        "version": version,
        "at": isoz(at),
    }


# --- /metrics -------------------------------------------------------------------------------------------------------


def metric_families(reading: Reading) -> Iterator[Metric]:
    """One scrape's reading as Prometheus has it: gauges in base units, times as Unix seconds."""
    yield _gauge(
        "build_info", "The version that runs, and its kind of database.", {(reading.version, reading.vendor): 1},
        labels=("version", "database"),
    )  # fmt: skip
    yield _gauge("database_up", "Whether the database answered this scrape in time.", int(reading.database is not None))
    yield _gauge("broker_up", "Whether the broker answered this scrape in time.", int(reading.broker is not None))
    if reading.disk_free_bytes is not None and reading.disk_size_bytes is not None:
        yield _gauge("disk_free_bytes", "Free on the disk of READINESS_HOME.", reading.disk_free_bytes)
        yield _gauge("disk_size_bytes", "Size of the disk of READINESS_HOME.", reading.disk_size_bytes)
    if reading.database is not None:
        yield from _server_families(reading.database.server)
        yield from _capture_families(reading.database)
        yield from _duty_families(reading.database)
    if reading.broker is not None:
        yield from _broker_families(reading.broker)


def _gauge(
    name: str,
    text: str,
    values: float | Mapping[str, float] | Mapping[tuple[str, str], float],
    *,
    labels: tuple[str, ...] = (),
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"readiness_{name}", text, labels=labels)
    if not isinstance(values, Mapping):
        family.add_metric((), values)
        return family
    for key, value in values.items():
        family.add_metric((key,) if isinstance(key, str) else key, value)
    return family


def _server_families(server: Server) -> Iterator[Metric]:
    yield _gauge("database_latency_seconds", "One round trip to the database.", server.latency_s)
    yield _gauge("database_size_bytes", "The database with its indexes.", server.size_bytes)
    if server.wal_bytes is not None:
        yield _gauge("database_wal_size_bytes", "SQLite's write-ahead log, beside the database.", server.wal_bytes)
    if server.connections_limit is not None:
        yield _gauge("database_connections", "Connections to this database.", server.connections, labels=("state",))
        yield _gauge("database_connections_limit", "How many connections the server takes.", server.connections_limit)
        rows = {table.name: table.rows for table in server.tables}
        sizes = {table.name: table.size_bytes for table in server.tables}
        yield _gauge("database_table_rows", "The largest tables: rows, as estimated.", rows, labels=("table",))
        yield _gauge("database_table_size_bytes", "The largest tables, with indexes.", sizes, labels=("table",))


def _capture_families(database: DatabaseReading) -> Iterator[Metric]:
    captured = database.captured
    text = "Events stored since the last whole hour began (60 to 120 minutes), from the rollups."
    yield _gauge("capture_recent_events", text, captured.events, labels=("severity",))
    text = "Errors that became no event, in the same time: refused or sampled here (console), or by the SDK (sdk)."
    yield _gauge("capture_recent_drops", text, captured.dropped, labels=("source", "reason"))
    if captured.oldest is not None:
        yield _gauge("capture_oldest_timestamp_seconds", "The oldest hour that is kept.", captured.oldest.timestamp())
    if captured.partitions_until is not None:
        until = captured.partitions_until.timestamp()
        yield _gauge("capture_partitions_until_timestamp_seconds", "The end of the last daily partition.", until)
    yield _gauge(
        "incidents_open", "Open incidents by priority, samples left out.", database.open_incidents, labels=("priority",)
    )


def _duty_families(database: DatabaseReading) -> Iterator[Metric]:
    outbox = database.outbox
    messages = {"pending": outbox.pending, "dead": outbox.dead}
    yield _gauge("outbox_messages", "Undelivered messages of the outbox.", messages, labels=("state",))
    text = "Since when the longest waiting message of the outbox has been due."
    yield _gauge("outbox_delay_seconds", text, outbox.delay_s)
    jobs = database.jobs  # `job` itself is Prometheus' word for what it scrapes
    done = {job.job: job.last_ok_at.timestamp() for job in jobs if job.last_ok_at}
    yield _gauge("job_last_success_timestamp_seconds", "When a job last went well.", done, labels=("job_key",))
    failed = {job.job: int(job.failed) for job in jobs}
    yield _gauge("job_failed", "Whether a job's last run failed.", failed, labels=("job_key",))
    took = {job.job: job.took_s for job in jobs if job.took_s is not None}
    yield _gauge("job_last_duration_seconds", "How long a job's last run took.", took, labels=("job_key",))


def _broker_families(broker: BrokerReading) -> Iterator[Metric]:
    yield _gauge("broker_memory_bytes", "Memory that the broker's data takes.", broker.memory_bytes)
    tasks = {"waiting": broker.waiting, "unacknowledged": broker.unacknowledged}
    yield _gauge("queue_tasks", "Tasks in the broker; unacknowledged: a worker has them.", tasks, labels=("state",))
    yield _gauge("workers", "Celery workers that are there.", broker.workers)
    slots = {"busy": len(broker.signs.busy), "all": broker.signs.slots}
    yield _gauge("worker_slots", "How many tasks can run at once, and how many do.", slots, labels=("state",))
    at = broker.signs.consumed_at.timestamp() if broker.signs.consumed_at else 0
    text = "When a worker last ran the heartbeat that beat sends every ten seconds; 0: never."
    yield _gauge("worker_heartbeat_timestamp_seconds", text, at)
