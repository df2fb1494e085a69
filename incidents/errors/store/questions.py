"""Capture's queries: the narrow questions (requirements 119-123), each bounded, each served by an index."""

from datetime import datetime

from django.db.models import QuerySet, Sum

from incidents.errors.models import ErrorColumns, ErrorEvent, ErrorRollup, KeptError
from incidents.errors.store.writing import MAX_ROWS, hour_of


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


def event_find(*, project_id: int, error_id: str) -> ErrorColumns | None:
    """One event by its id; the kept copy when retention has taken the event itself."""
    asked = {"project_id": project_id, "error_id": error_id}
    return ErrorEvent.objects.filter(**asked).first() or KeptError.objects.filter(**asked).first()
