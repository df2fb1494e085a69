"""Capture's queries: the narrow questions (requirements 119-123), each bounded, each served by an index."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from django.db import connection
from django.db.models import QuerySet, Sum

from incidents.errors.models import ErasureTombstone, ErrorColumns, ErrorEvent, ErrorId, ErrorRollup, KeptError
from incidents.errors.store.writing import MAX_ROWS, hour_of
from readiness.infra.plain_sql import instances_of, tuples_of
from readiness.infra.vendor_sql import moment, moment_read

WIDEST = timedelta(days=92)
NEAR = timedelta(days=1)


def _window(since: datetime, until: datetime) -> None:
    """A question reads a bounded window: raises ValueError where it is none."""
    if not since < until <= since + WIDEST:
        raise ValueError(f"window: {since} to {until} is not between nothing and {WIDEST.days} days.")


def errors_by_correlation(
    *, correlation_id: str, limit: int = 200, near: datetime | None = None
) -> QuerySet[ErrorEvent]:
    """What happened under one correlation id, in order of time; `near` looks only at what arrived within NEAR of that
    moment, which spares PostgreSQL all partitions but three.
    """
    rows = ErrorEvent.objects.defer("payload").filter(correlation_id=correlation_id)
    if near is not None:
        rows = rows.filter(created_at__gte=near - NEAR, created_at__lt=near + NEAR)
    return rows.order_by("timestamp")[:limit]


def errors_by_run(*, run_id: str, limit: int = 200) -> QuerySet[ErrorEvent]:
    """What one run of the product's work met, in order of time."""
    return ErrorEvent.objects.defer("payload").filter(run_id=run_id).order_by("timestamp")[:limit]


def errors_by_component(*, component: str, since: datetime, until: datetime, limit: int = 200) -> QuerySet[ErrorEvent]:
    """A component's errors in a window of event time, newest first. Raises ValueError for too wide a window."""
    _window(since, until)
    rows = ErrorEvent.objects.defer("payload").filter(component=component, timestamp__gte=since, timestamp__lt=until)
    return rows.order_by("-timestamp")[:limit]


def errors_by_class(*, error_class: str, since: datetime, until: datetime, limit: int = 200) -> QuerySet[ErrorEvent]:
    """A class's errors in a window of event time, newest first. Raises ValueError for too wide a window."""
    _window(since, until)
    rows = ErrorEvent.objects.defer("payload").filter(
        error_class=error_class, timestamp__gte=since, timestamp__lt=until
    )
    return rows.order_by("-timestamp")[:limit]


def error_counts_by(*, field: str, since: datetime, until: datetime) -> dict[str, int]:
    """Events per `component`, `error_class` or `severity` over whole hours, from the rollups. Raises ValueError."""
    _window(since, until)
    if field not in ("component", "error_class", "severity"):
        raise ValueError(f"field: {field!r} is not one of component, error_class, severity.")
    rows = ErrorRollup.objects.filter(hour__gte=hour_of(since), hour__lt=until)
    return dict(rows.values_list(field).annotate(total=Sum("events")).order_by("-total")[:MAX_ROWS])


def error_timeline(*, since: datetime, until: datetime) -> list[tuple[datetime, int]]:
    """(hour, events) over whole hours, oldest first, from the rollups: 2,208 at the most. Raises ValueError."""
    _window(since, until)
    rows = ErrorRollup.objects.filter(hour__gte=hour_of(since), hour__lt=until)
    return list(rows.values_list("hour").annotate(total=Sum("events")).order_by("hour"))


_REAL_PER_HOUR = """
SELECT hour, sum(events) FROM infra_error_rollups
WHERE hour >= %s AND hour < %s AND project_id NOT IN (
  SELECT project.id FROM tenants_project project JOIN tenants_tenant tenant ON tenant.id = project.tenant_id
  WHERE tenant.synthetic
)
GROUP BY hour
"""


def errors_daily(*, since: datetime, until: datetime) -> dict[date, int]:
    """UTC day → events of real tenants, from the rollups. Raises ValueError for too wide a window."""
    _window(since, until)
    days: Counter[date] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(_REAL_PER_HOUR, [moment(hour_of(since)), moment(until)])
        for hour, events in cursor.fetchall():
            days[moment_read(hour).date()] += int(events)
    return dict(days)


_DAY_OF = "SELECT day FROM infra_error_ids WHERE project_id = %s AND error_id = %s"
_EVENT = """
SELECT * FROM infra_error_events WHERE project_id = %s AND error_id = %s AND created_at >= %s AND created_at < %s
"""


def event_find(*, project_id: int, error_id: str) -> ErrorColumns | None:
    """One event by its id; the kept copy when retention has taken the event itself.

    The ledger knows its day: without it every daily partition would be asked.
    """
    for (day,) in tuples_of(_DAY_OF, project_id, error_id):
        start = datetime.fromisoformat(str(day)).replace(tzinfo=UTC)
        window = moment(start), moment(start + timedelta(days=1))
        for event in instances_of(ErrorEvent, _EVENT, project_id, error_id, *window):
            return event
    return KeptError.objects.filter(project_id=project_id, error_id=error_id).first()


def event_left(*, project_id: int, fingerprints: Sequence[str]) -> ErrorColumns | None:
    """The newest event that is left of these groups; past retention, the newest copy that was kept of them."""
    asked = {"project_id": project_id, "fingerprint__in": fingerprints}
    event = ErrorEvent.objects.filter(**asked).order_by("-timestamp").first()
    return event or KeptError.objects.filter(**asked).order_by("-timestamp").first()


def ids_stored(*, project_id: int, error_ids: Sequence[str]) -> set[str]:
    """Those of the ids under which the project has an event, or the copy that outlived it; erased ones are none."""
    asked = {"project_id": project_id, "error_id__in": list(error_ids)}
    known = set(ErrorId.objects.filter(**asked).values_list("error_id", flat=True))
    known |= set(KeptError.objects.filter(**asked).values_list("error_id", flat=True))
    return known - set(ErasureTombstone.objects.filter(**asked).values_list("error_id", flat=True))


class ProjectHas(NamedTuple):
    """What a project has any of, as far as it is kept: spans, users' words, erased errors, dropped ones."""

    spans: bool
    words: bool
    erased: bool
    dropped: bool


_PROJECT_HAS = """
SELECT EXISTS (SELECT 1 FROM infra_spans WHERE project_id = %s),
  EXISTS (SELECT 1 FROM infra_user_reports WHERE project_id = %s),
  EXISTS (SELECT 1 FROM infra_error_tombstones WHERE project_id = %s),
  EXISTS (SELECT 1 FROM infra_error_drops WHERE project_id = %s)
"""


def project_has(*, project_id: int) -> ProjectHas:
    """The first row of each index tells. One query, which spares those that would find nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_PROJECT_HAS, [project_id] * 4)
        return ProjectHas(*map(bool, cursor.fetchone()))
