"""What is so at the moment of a scrape, for /metrics; what the processes counted is readiness.infra.metrics."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from readiness.operations.services.health import WorkerSigns

# What SDKs may give as a reason for a drop (develop.sentry.dev, client reports). They send text: another word becomes
# `other`, so that nobody who knows a DSN can fill Prometheus with series.
_SDK_REASONS = frozenset(
    (
        "backpressure", "before_send", "buffer_overflow", "cache_overflow", "event_processor", "insufficient_data",
        "internal_sdk_error", "network_error", "queue_overflow", "ratelimit_backoff", "sample_rate", "send_error",
    )
)  # fmt: skip
_CONSOLE_REASONS_SHOWN = 40


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table, its partitions, indexes and long values together. `rows` is the planner's estimate."""

    name: str
    rows: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Server:
    """The database as a server. `latency_s`: one round trip. `wal_bytes` is SQLite's; tables and connections are
    PostgreSQL's.
    """

    vendor: str
    latency_s: float
    size_bytes: int
    wal_bytes: int | None = None
    tables: tuple[TableSize, ...] = ()
    connections: Mapping[str, int] = field(default_factory=dict)
    connections_limit: int | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """`events` (by severity) and `dropped` (by source and reason): since the last whole hour began. `partitions_until`:
    the end of the last daily partition, on PostgreSQL.
    """

    events: Mapping[str, int]
    dropped: Mapping[tuple[str, str], int]
    oldest: datetime | None
    partitions_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class OutboxBacklog:
    """`delay_s`: since when the longest waiting message has been due."""

    pending: int
    dead: int
    delay_s: float


@dataclass(frozen=True, slots=True)
class JobReading:
    """A job's last run that was not skipped."""

    job: str
    last_ok_at: datetime | None
    failed: bool
    took_s: float | None


@dataclass(frozen=True, slots=True)
class DatabaseReading:
    """What the database says. `open_incidents` by priority."""

    server: Server
    captured: Captured
    open_incidents: Mapping[str, int]
    outbox: OutboxBacklog
    jobs: tuple[JobReading, ...]


@dataclass(frozen=True, slots=True)
class BrokerReading:
    """What the broker says: tasks that wait, tasks that a worker holds, memory, and the workers' signs of life."""

    waiting: int
    unacknowledged: int
    memory_bytes: int
    workers: int
    signs: WorkerSigns


@dataclass(frozen=True, slots=True)
class Reading:
    """One scrape. None: that part did not answer in time."""

    version: str
    vendor: str
    database: DatabaseReading | None
    broker: BrokerReading | None
    disk_free_bytes: int | None
    disk_size_bytes: int | None


def drops_bound(*, counts: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """(source, reason) → errors, with a bounded number of reasons: what is left over is `other`."""
    bound: dict[tuple[str, str], int] = {}
    ours = sorted((reason for source, reason in counts if source == "console"), key=lambda r: -counts["console", r])
    shown = {"sdk": _SDK_REASONS, "console": frozenset(ours[:_CONSOLE_REASONS_SHOWN])}
    for (source, reason), quantity in counts.items():
        key = (source, reason if reason in shown.get(source, ()) else "other")
        bound[key] = bound.get(key, 0) + quantity
    return bound
