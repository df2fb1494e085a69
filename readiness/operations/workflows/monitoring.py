"""One scrape: what database, broker and disk say at this moment, each within a deadline.

A database that hangs must not make /metrics hang: it is what would have told so. Each part is asked in a thread of its
own; scrapes at the same time share one asking, and one that never returns keeps no more than one thread.
"""

from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timedelta
from threading import Lock, Thread
from time import monotonic
from typing import Any, TypeVar, cast

import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from redis import RedisError

from readiness.infra.clock import utcnow
from readiness.infra.disk import disk_read
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.services.monitoring import (
    BrokerReading,
    Captured,
    DatabaseReading,
    JobReading,
    OutboxBacklog,
    Reading,
    drops_bound,
)
from readiness.operations.store import monitoring as queries

log = structlog.get_logger(__name__)
DEADLINE_S = 3.0  # in all; Prometheus gives up after ten by default
R = TypeVar("R")
_asked: dict[str, "Future[Any]"] = {}
_asking = Lock()


def reading_take() -> Reading:
    """Ask everything at once; what does not answer is None, and nothing raises."""
    deadline = monotonic() + DEADLINE_S
    database, broker = _ask("database", database_read), _ask("broker", broker_read)
    disk = disk_read()
    return Reading(
        version=settings.READINESS_VERSION,
        vendor=connection.vendor,
        database=_answer("database", database, deadline),
        broker=_answer("broker", broker, deadline),
        disk_free_bytes=disk[0] if disk else None,
        disk_size_bytes=disk[1] if disk else None,
    )


def _ask(part: str, read: Callable[[], R]) -> "Future[R]":
    with _asking:
        future = _asked.get(part)
        if future is None or future.done():
            future = _asked[part] = Future()
            Thread(target=_run, args=(future, read), name=f"metrics-{part}", daemon=True).start()
    return cast("Future[R]", future)


def _run(future: "Future[R]", read: Callable[[], R]) -> None:
    try:
        answer = read()
    except Exception as failure:  # noqa: BLE001  it belongs to the scrapes that wait, not to this thread
        future.set_exception(failure)
    else:
        future.set_result(answer)
    finally:
        connection.close()  # this thread's own


def _answer(part: str, future: "Future[R]", deadline: float) -> R | None:
    try:
        return future.result(max(0.0, deadline - monotonic()))
    except (TimeoutError, DatabaseError, RedisError, OSError) as failure:
        log.warning("a scrape goes without it", part=part, failure=type(failure).__name__)
        return None


@transactional(TransactionIntent.READ_ONLY)
def database_read(session: Session) -> DatabaseReading:
    """What only the database knows. Raises django.db.Error."""
    now = utcnow()
    last_hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    queries.statements_bound()
    pending, dead, oldest_due_at = queries.outbox_backlog(now)
    return DatabaseReading(
        server=queries.server_read(),
        captured=Captured(
            events=queries.events_since(last_hour),
            dropped=drops_bound(counts=queries.drops_since(last_hour)),
            oldest=queries.oldest_hour(),
            partitions_until=queries.partitions_until(),
        ),
        open_incidents=queries.incidents_open_by_priority(),
        outbox=OutboxBacklog(pending, dead, _seconds(oldest_due_at, now)),
        jobs=_jobs(),
    )


def _jobs() -> tuple[JobReading, ...]:
    readings = []
    for key, state in store.job_states().items():
        last = state.last_run
        took = (last.finished_at - last.started_at).total_seconds() if last else None
        failed = last is not None and last.outcome == last.Outcome.FAILED
        readings.append(JobReading(key, state.last_ok_at, failed, took))
    return tuple(readings)


def _seconds(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0


def broker_read() -> BrokerReading:
    """What the broker knows. Raises redis.RedisError."""
    waiting, unacknowledged, memory_bytes = queries.queue_read()
    signs = store.worker_signs()
    return BrokerReading(waiting, unacknowledged, memory_bytes, len(signs.present), signs)
