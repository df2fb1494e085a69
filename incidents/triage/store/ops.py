"""The aggregation behind the Ops models, in SQL and in one place (159): over the rollups and the incidents, never over
the events. Its cost grows with the window and with how many components there are, not with how much is stored.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Count, DurationField, F, Func, Max, Min, Model, Q, QuerySet, Sum, TextField, Value
from django.db.models.sql.compiler import SQLCompiler

from incidents.errors.models import DroppedCount, ErrorRollup, Monitor
from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.services.response import GRAVE
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.store.reading import OPEN, incidents_in_window, severity_counts
from readiness.infra.envelope import ErrorClass, ErrorSeverity

M = TypeVar("M", bound=Model)
FAILURES = (ErrorSeverity.ERROR.value, ErrorSeverity.CRITICAL.value)


class UtcHour(Func):
    """A moment's UTC hour as text (`2026-11-21 09`), by the database itself: SQLite would call Python for each row."""

    output_field = TextField()
    arity = 1
    templates = ("SUBSTR(%(expressions)s, 1, 13)", "TO_CHAR(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')")

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        sql, params = self.as_sql(compiler, connection, template=self.templates[0], **extra)
        return sql, tuple(params)

    def as_postgresql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any
    ) -> tuple[str, tuple[str | int, ...]]:
        sql, params = self.as_sql(compiler, connection, template=self.templates[1], **extra)
        return sql, tuple(params)


def _hour(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows are read: one project's, or every real one's (`project_id` None, without the synthetic ones)."""

    project_id: int | None
    synthetic: Collection[int] = ()

    def of(self, rows: QuerySet[M]) -> QuerySet[M]:
        if self.project_id is not None:
            return rows.filter(project_id=self.project_id)
        return rows.exclude(project_id__in=self.synthetic) if self.synthetic else rows


@dataclass(frozen=True, slots=True)
class ErrorStore:
    """ErrorStoreProtocol over the tables (156): real incidents of a project, or of all, at most `at_most` patterns."""

    project_id: int | None
    at_most: int

    def patterns(
        self, *, since: datetime, until: datetime, component: str | None, severities: Sequence[str]
    ) -> Iterable[Incident]:
        rows = incidents_in_window(since=since, until=until, component=component, project_id=self.project_id)
        if len(severities) < len(OpsSeverity):
            rows = rows.filter(ops_severity__in=severities)
        return rows[: self.at_most]

    def severity_counts(self, *, since: datetime, until: datetime, component: str | None) -> Mapping[str, int]:
        return severity_counts(since=since, until=until, component=component, project_id=self.project_id)


# --- health -----------------------------------------------------------------------------------------------------------


class ComponentErrors(NamedTuple):
    """A component's errors: of the hour under way, of the one before, of the closed hours before that. `first`, `last`:
    the hours between which anything of it was stored, whatever its severity.
    """

    project_id: int
    component: str
    this_hour: int
    hour_before: int
    earlier: int
    first: datetime
    last: datetime


def component_errors(
    *, scope: Scope, hour: datetime, since: datetime, component: str | None, limit: int
) -> list[ComponentErrors]:
    """Of the components heard of since then, or of the one asked for, those with most errors now and before. One query
    over the rollups.
    """
    before, failures = hour - timedelta(hours=1), Q(severity__in=FAILURES)

    def errors(when: Q) -> Sum:
        return Sum("events", filter=when & failures, default=0)

    heard = scope.of(ErrorRollup.objects.filter(hour__gte=since))
    rows = (
        (heard if component is None else heard.filter(component=component))
        .values_list("project_id", "component")
        .annotate(
            this_hour=errors(Q(hour__gte=hour)),
            hour_before=errors(Q(hour=before)),
            earlier=errors(Q(hour__lt=before)),
            first=Min("hour"),
            last=Max("hour"),
        )
        .order_by("-this_hour", "-hour_before", "-earlier", "component", "project_id")[:limit]
    )
    return [ComponentErrors(*row) for row in rows]


class ComponentIncidents(NamedTuple):
    """A component's open incidents: of P0 and P1, of P2 that happened lately, of any priority; when it last broke."""

    project_id: int
    component: str
    grave: int
    lately: int
    open: int
    last_seen: datetime


def component_incidents(
    *, project_id: int | None, lately: datetime, since: datetime, component: str | None, limit: int
) -> list[ComponentIncidents]:
    """Of components with a grave open incident, or any that was seen since then, or of the one asked for. One query."""
    is_open = Q(status__in=OPEN)
    rows = Incident.objects.filter(synthetic=False, merged_into__isnull=True)
    rows = rows.filter(Q(last_seen__gte=since) | (is_open & Q(priority__in=GRAVE)))
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    if component is not None:
        rows = rows.filter(component=component)
    found = (
        rows.values_list("project_id", "component")
        .annotate(
            grave=Count("pk", filter=is_open & Q(priority__in=GRAVE)),
            lately=Count("pk", filter=is_open & Q(priority="P2", last_seen__gte=lately)),
            open=Count("pk", filter=is_open),
            last=Max("last_seen"),
        )
        .order_by("-grave", "-open", "component", "project_id")[:limit]
    )
    return [ComponentIncidents(*row) for row in found]


def projects_heard(*, scope: Scope) -> dict[int, datetime]:
    """project → its last sign of life: an error (incidents keep when theirs was), or a job's check-in. Two queries."""
    heard: dict[int, datetime] = dict(
        scope.of(Incident.objects.all()).values_list("project_id").annotate(last=Max("last_seen")).order_by()
    )
    jobs = scope.of(Monitor.objects.all()).values_list("project_id").annotate(last=Max("last_started_at")).order_by()
    for project_id, last in jobs:
        heard[project_id] = max(heard.get(project_id, last), last)
    return heard


# --- risks ------------------------------------------------------------------------------------------------------------


def incidents_grave(*, project_id: int | None, limit: int) -> list[Incident]:
    """Open P0 and P1, the gravest and longest first (index triage_incident_priority)."""
    rows = Incident.objects.filter(synthetic=False, status__in=OPEN, priority__in=GRAVE)
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    return list(rows.order_by("priority", "detected_at", "pk")[:limit])


def incidents_untaken(*, project_id: int | None, before: datetime, limit: int) -> list[Incident]:
    """Open P2 that were detected before then and that nobody has taken, the longest first (the same index)."""
    rows = Incident.objects.filter(
        synthetic=False, status__in=OPEN, priority="P2", acknowledged_at__isnull=True, detected_at__lt=before
    )
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    return list(rows.order_by("detected_at", "pk")[:limit])


def errors_classed(*, scope: Scope, since: datetime) -> dict[int, tuple[int, int]]:
    """project → (errors stored since then, of those unclassified). One query over the rollups."""
    unclassified = Q(error_class=ErrorClass.SYSTEM_UNCLASSIFIED.value)
    rows = scope.of(ErrorRollup.objects.filter(hour__gte=since)).values_list("project_id")
    counted = rows.annotate(total=Sum("events"), unclassified=Sum("events", filter=unclassified, default=0)).order_by()
    return {project_id: (total, without) for project_id, total, without in counted}


def errors_dropped(*, scope: Scope, since: datetime) -> list[tuple[int, str, str, int]]:
    """(project, source, reason, quantity) of what was not kept since then (index infra_error_drops_hour)."""
    rows = scope.of(DroppedCount.objects.filter(hour__gte=since)).values_list("project_id", "source", "reason")
    return list(rows.annotate(total=Sum("quantity")).order_by("project_id", "source", "reason")[:2_000])


# --- trends -----------------------------------------------------------------------------------------------------------


def errors_hourly(*, scope: Scope, since: datetime) -> list[tuple[datetime, int, int]]:
    """(hour, errors, of those unclassified) since then, from the rollups."""
    unclassified = Q(error_class=ErrorClass.SYSTEM_UNCLASSIFIED.value)
    rows = scope.of(ErrorRollup.objects.filter(hour__gte=since)).values_list("hour")
    counted = rows.annotate(total=Sum("events"), unclassified=Sum("events", filter=unclassified, default=0))
    return list(counted.order_by("hour"))


def drops_hourly(*, scope: Scope, since: datetime, wanted: Collection[str]) -> list[tuple[datetime, int]]:
    """(hour, errors that were not kept) since then; what programs drop on purpose (`wanted`) is left out."""
    rows = scope.of(DroppedCount.objects.filter(hour__gte=since).exclude(source="sdk", reason__in=wanted))
    return list(rows.values_list("hour").annotate(total=Sum("quantity")).order_by("hour"))


def moves_hourly(*, project_id: int | None, kinds: Sequence[str], since: datetime) -> list[tuple[str, datetime, int]]:
    """(kind, hour, entries) of real incidents' timelines since then (index triage_timeline_kind)."""
    rows = TimelineEntry.objects.filter(kind__in=kinds, at__gte=since, incident__synthetic=False)
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    counted = rows.annotate(hour=UtcHour("at")).values_list("kind", "hour").annotate(total=Count("pk")).order_by()
    return [(kind, _hour(hour), total) for kind, hour, total in counted]


def diagnoses_hourly(*, project_id: int | None, since: datetime) -> list[tuple[datetime, float, int]]:
    """(hour, seconds that diagnoses took, how many) of real incidents diagnosed since then (index
    triage_incident_took).
    """
    rows = Incident.objects.filter(synthetic=False, diagnosed_at__gte=since, merged_into__isnull=True)
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    took = Sum(F("diagnosed_at") - F("detected_at"), output_field=DurationField(), default=Value(timedelta()))
    counted = rows.annotate(hour=UtcHour("diagnosed_at")).values_list("hour").annotate(took=took, number=Count("pk"))
    return [(_hour(hour), took.total_seconds(), number) for hour, took, number in counted.order_by()]


def known_since(*, scope: Scope) -> datetime | None:
    """The first hour that the rollups know of; None before the first error."""
    return scope.of(ErrorRollup.objects.all()).order_by("hour").values_list("hour", flat=True).first()
