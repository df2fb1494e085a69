"""The one module that holds capture's queries: the batch that stores, the narrow questions, retention."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Count, Min, QuerySet, Sum
from django.db.models.functions import TruncHour

from incidents.errors.models import ErrorEvent, ErrorId, ErrorRollup
from incidents.errors.services.captured import CapturedError

_EVENT_COLUMNS = (
    "project_id", "error_id", "timestamp", "layer", "component", "error_class", "severity", "message",
    "correlation_id", "span_id", "decision_id", "run_id", "agent_id", "reported_tenant", "input_hash",
    "exception_type", "exception_chain", "context", "envelope_version", "release", "environment", "fingerprint",
    "payload", "created_at",
)  # fmt: skip
_json = msgspec.json.Encoder()
MAX_ROWS = 1_000


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def hour_of(moment: datetime) -> datetime:
    """The UTC hour that a moment belongs to."""
    return moment.replace(minute=0, second=0, microsecond=0)


def rows_insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str = "") -> list[Any]:
    """One multi-row INSERT; `tail` is its ON CONFLICT and RETURNING. What RETURNING gave."""
    place = f"({','.join(['%s'] * len(columns))})"
    sql = f"INSERT INTO {table} ({','.join(columns)}) VALUES {','.join([place] * len(rows))} {tail}"  # noqa: S608  names are ours
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in rows for value in row])
        return cursor.fetchall() if "RETURNING" in tail else []


def ledger_enter(entries: Sequence[tuple[int, str, bytes, date]]) -> set[tuple[int, str]]:
    """Enter (project, error id, content HMAC, day); the keys that were new. First write wins."""
    if not entries:
        return set()
    rows = [(project, error_id, content, day.isoformat()) for project, error_id, content, day in entries]
    won = rows_insert(
        "infra_error_ids",
        ("project_id", "error_id", "content_hmac", "day"),
        rows,
        "ON CONFLICT (project_id, error_id) DO NOTHING RETURNING project_id, error_id",
    )
    return {(row[0], row[1]) for row in won}


def ledger_contents(keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], bytes]:
    """The content HMAC under each (project, error id) that the ledger has."""
    wanted: dict[int, list[str]] = {}
    for project, error_id in keys:
        wanted.setdefault(project, []).append(error_id)
    found: dict[tuple[int, str], bytes] = {}
    for project, error_ids in wanted.items():
        rows = ErrorId.objects.filter(project_id=project, error_id__in=error_ids)
        for error_id, content in rows.values_list("error_id", "content_hmac"):
            found[project, error_id] = bytes(content)
    return found


def collision_id(project_id: int, sent_id: str, content: bytes) -> str:
    """The id under which another error with a taken id is kept: derived, so that its own retries find it again."""
    derived = hashlib.sha256(f"{project_id}:{sent_id}:".encode() + content).hexdigest()
    return f"err_{derived[:32]}"


def _event_row(error: CapturedError, error_id: str) -> tuple[Any, ...]:
    e = error.envelope
    return (
        error.origin.project_id, error_id, _moment(e.timestamp), e.layer, e.component, e.error_class.value,
        e.severity.value, e.message, e.correlation_id, e.span_id, e.decision_id, e.run_id, e.agent_id, e.tenant_id,
        e.input_hash, e.exception_type, _json.encode(e.exception_chain).decode(), _json.encode(e.context).decode(),
        e.envelope_version, e.release, e.environment or "production", error.fingerprint, error.payload,
        _moment(error.received_at),
    )  # fmt: skip


def events_insert(errors: Sequence[tuple[CapturedError, str]]) -> None:
    """Store the errors under the given ids, and count them into the rollups of their hour of arrival."""
    for start in range(0, len(errors), MAX_ROWS):
        rows = [_event_row(error, error_id) for error, error_id in errors[start : start + MAX_ROWS]]
        rows_insert("infra_error_events", _EVENT_COLUMNS, rows, "ON CONFLICT DO NOTHING")
    counts = Counter(
        (
            hour_of(error.received_at),
            error.origin.project_id,
            error.envelope.component,
            error.envelope.error_class.value,
            error.envelope.severity.value,
        )
        for error, _ in errors
    )
    if counts:
        rows_insert(
            "infra_error_rollups",
            ("hour", "project_id", "component", "error_class", "severity", "events"),
            # In key order: two processes that count into the same rows then never wait for each other crosswise.
            [(_moment(key[0]), *key[1:], number) for key, number in sorted(counts.items())],
            "ON CONFLICT (hour, project_id, component, error_class, severity) "
            "DO UPDATE SET events = infra_error_rollups.events + excluded.events",
        )


def drops_count(*, project_id: int, hour: datetime, source: str, drops: Sequence[tuple[str, str, int]]) -> None:
    """Count (category, reason, quantity) of errors that never became events."""
    totals: Counter[tuple[str, str]] = Counter()
    for category, reason, quantity in drops:
        totals[category[:40], reason[:60]] += quantity
    rows_insert(
        "infra_error_drops",
        ("project_id", "hour", "source", "category", "reason", "quantity"),
        [(project_id, _moment(hour), source, *key, number) for key, number in sorted(totals.items())],
        "ON CONFLICT (project_id, hour, source, category, reason) "
        "DO UPDATE SET quantity = infra_error_drops.quantity + excluded.quantity",
    )


# --- the narrow questions (requirements 119-123): each bounded, each served by an index -----------------------------


def errors_by_correlation(*, correlation_id: str, limit: int = 200) -> QuerySet[ErrorEvent]:
    """What happened under one correlation id, in order of time."""
    return ErrorEvent.objects.defer("payload").filter(correlation_id=correlation_id).order_by("timestamp")[:limit]


def errors_by_component(*, component: str, since: datetime, until: datetime, limit: int = 200) -> QuerySet[ErrorEvent]:
    """A component's errors in a window of event time, newest first."""
    rows = ErrorEvent.objects.defer("payload").filter(component=component, timestamp__gte=since, timestamp__lt=until)
    return rows.order_by("-timestamp")[:limit]


def errors_by_class(*, error_class: str, since: datetime, until: datetime, limit: int = 200) -> QuerySet[ErrorEvent]:
    """A class's errors in a window of event time, newest first."""
    rows = ErrorEvent.objects.defer("payload").filter(
        error_class=error_class, timestamp__gte=since, timestamp__lt=until
    )
    return rows.order_by("-timestamp")[:limit]


def error_counts_by(*, field: str, since: datetime, until: datetime) -> dict[str, int]:
    """Events per `component`, `error_class` or `severity` over whole hours, from the rollups. Raises ValueError."""
    if field not in ("component", "error_class", "severity"):
        raise ValueError(f"field: {field!r} is not one of component, error_class, severity.")
    rows = ErrorRollup.objects.filter(hour__gte=hour_of(since), hour__lt=until)
    return dict(rows.values_list(field).annotate(total=Sum("events")).order_by("-total")[:MAX_ROWS])


def error_timeline(*, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """(hour, events) over whole hours, oldest first, from the rollups."""
    rows = ErrorRollup.objects.filter(hour__gte=hour_of(since), hour__lt=until)
    return list(rows.values_list("hour").annotate(total=Sum("events")).order_by("hour")[:MAX_ROWS])


def event_find(*, project_id: int, error_id: str) -> ErrorEvent | None:
    """One event by its id."""
    return ErrorEvent.objects.filter(project_id=project_id, error_id=error_id).first()


# --- reconciliation: the events against the rollups -----------------------------------------------------------------


def hourly_counts_of_events(*, since: datetime, until: datetime) -> dict[tuple[Any, ...], int]:
    """(hour, project, component, class, severity) → events, counted from the events themselves."""
    rows = (
        ErrorEvent.objects.filter(created_at__gte=since, created_at__lt=until)
        .annotate(hour=TruncHour("created_at"))
        .values_list("hour", "project_id", "component", "error_class", "severity")
        .annotate(total=Count("error_id"))
        .order_by()
    )
    return {tuple(row[:5]): row[5] for row in rows.iterator()}


def hourly_counts_of_rollups(*, since: datetime, until: datetime) -> dict[tuple[Any, ...], int]:
    """The same from the rollups."""
    rows = ErrorRollup.objects.filter(hour__gte=since, hour__lt=until).values_list(
        "hour", "project_id", "component", "error_class", "severity", "events"
    )
    return {tuple(row[:5]): row[5] for row in rows.iterator()}


def rollup_set(*, key: tuple[Any, ...], events: int) -> None:
    """Put a rollup row right (reconciliation); no row is left at zero."""
    hour, project_id, component, error_class, severity = key
    rows = ErrorRollup.objects.filter(
        hour=hour, project_id=project_id, component=component, error_class=error_class, severity=severity
    )
    if events == 0:
        rows.delete()
    elif not rows.update(events=events):
        ErrorRollup.objects.create(
            hour=hour, project_id=project_id, component=component, error_class=error_class, severity=severity,
            events=events,
        )  # fmt: skip


def earliest_hour() -> datetime | None:
    """The first hour of the events or the rollups; None while there are neither."""
    event = ErrorEvent.objects.aggregate(first=Min("created_at"))["first"]
    rollup = ErrorRollup.objects.aggregate(first=Min("hour"))["first"]
    return min((hour_of(moment) for moment in (event, rollup) if moment is not None), default=None)


# --- partitions and retention ---------------------------------------------------------------------------------------


def partitions_make(*, first: date, days: int) -> list[str]:
    """Daily partitions on PostgreSQL from `first` on; the names of those made. Elsewhere there are none to make."""
    if connection.vendor != "postgresql":
        return []
    made = []
    with connection.cursor() as cursor:
        for offset in range(days):
            day = first + timedelta(days=offset)
            name = f"infra_error_events_{day:%Y%m%d}"
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
            if cursor.fetchone()[0]:
                continue
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM infra_error_events_rest WHERE created_at >= %s AND created_at < %s)",
                [day, day + timedelta(days=1)],
            )
            if cursor.fetchone()[0]:
                continue  # that day's events are in the rest already; they stay there
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF infra_error_events "
                f"FOR VALUES FROM ('{day:%Y-%m-%d} 00:00+00') TO ('{day + timedelta(days=1):%Y-%m-%d} 00:00+00')"
            )
            cursor.execute(
                f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION readiness_append_only('{name}', 'error_id', 'created_at')"
            )
            made.append(name)
    return made


def partitions_before(day: date) -> list[str]:
    """The daily partitions that end at or before `day`, the oldest first."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid "
            "WHERE i.inhparent = 'infra_error_events'::regclass AND relname ~ '_[0-9]{8}$' "
            "AND right(relname, 8) < %s ORDER BY relname",
            [f"{day:%Y%m%d}"],
        )
        return [row[0] for row in cursor.fetchall()]


def partitions_drop(*, before: date) -> int:
    """Drop the daily partitions that end at or before `before`; the number of events that went with them."""
    gone = 0
    with connection.cursor() as cursor:
        for name in partitions_before(before):
            cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608  the catalogue's own name
            gone += cursor.fetchone()[0]
            cursor.execute(f"DROP TABLE {name}")
    return gone


def events_exist_before(cutoff: datetime) -> bool:
    """There is an event older than the cutoff."""
    return ErrorEvent.objects.filter(created_at__lt=cutoff).exists()


def events_delete_before(*, cutoff: datetime, batch: int = 5_000) -> int:
    """Delete a batch of events older than the cutoff (under a permit); how many went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM infra_error_events WHERE (project_id, error_id) IN "
            "(SELECT project_id, error_id FROM infra_error_events WHERE created_at < %s LIMIT %s) AND created_at < %s",
            [_moment(cutoff), batch, _moment(cutoff)],
        )
        return int(cursor.rowcount)


def events_count_before(*, cutoff: datetime) -> int:
    """Events older than the cutoff."""
    return ErrorEvent.objects.filter(created_at__lt=cutoff).count()


def ledger_forget(*, before: date, batch: int = 20_000) -> int:
    """Forget a batch of the ids of days that retention has taken; how many went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM infra_error_ids WHERE (project_id, error_id) IN "
            "(SELECT project_id, error_id FROM infra_error_ids WHERE day < %s LIMIT %s)",
            [before.isoformat(), batch],
        )
        return int(cursor.rowcount)


def rollups_forget(*, before: datetime) -> int:
    """Forget the rollups of hours that retention has taken."""
    return ErrorRollup.objects.filter(hour__lt=before).delete()[0]
