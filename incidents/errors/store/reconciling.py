"""Capture's queries: reconciliation, the events against the rollups."""

from datetime import datetime
from typing import Any

from django.db.models import Count, F, Min
from django.db.models.functions import TruncHour

from incidents.errors.models import ErrorEvent, ErrorRollup
from incidents.errors.store.writing import hour_of


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
    """The same from the rollups, without what has left the table since."""
    rows = ErrorRollup.objects.filter(hour__gte=since, hour__lt=until).values_list(
        "hour", "project_id", "component", "error_class", "severity", F("events") - F("removed")
    )
    return {tuple(row[:5]): row[5] for row in rows.iterator()}


def rollup_set(*, key: tuple[Any, ...], events: int) -> None:
    """Put a rollup row right (reconciliation); no row is left at zero."""
    hour, project_id, component, error_class, severity = key
    rows = ErrorRollup.objects.filter(
        hour=hour, project_id=project_id, component=component, error_class=error_class, severity=severity
    )
    if events == 0 and not rows.filter(removed__gt=0).exists():
        rows.delete()
    elif not rows.update(events=F("removed") + events):
        ErrorRollup.objects.create(
            hour=hour, project_id=project_id, component=component, error_class=error_class, severity=severity,
            events=events,
        )  # fmt: skip


def earliest_hour() -> datetime | None:
    """The first hour of the events or the rollups; None while there are neither."""
    event = ErrorEvent.objects.aggregate(first=Min("created_at"))["first"]
    rollup = ErrorRollup.objects.aggregate(first=Min("hour"))["first"]
    return min((hour_of(moment) for moment in (event, rollup) if moment is not None), default=None)
