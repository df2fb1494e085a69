"""What the list, the pages, the verdict and the Ops API ask of incidents."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet

from incidents.triage.models import Incident, IncidentRelease, TimelineEntry
from incidents.triage.services.response import GRAVE
from readiness.infra.plain_sql import instances_of, tuples_of
from readiness.infra.vendor_sql import moment, moment_read

OPEN = ("detected", "acknowledged", "diagnosed", "recurred")
RESOLVED = ("prevented", "closed")


def incident_find(incident_id: int) -> Incident | None:
    """One incident."""
    return next(iter(instances_of(Incident, "SELECT * FROM triage_incident WHERE id = %s", incident_id)), None)


def incidents_named(incident_ids: Sequence[int], *, limit: int = 50) -> list[Incident]:
    """The incidents with these numbers that there are, the oldest first."""
    return list(Incident.objects.filter(pk__in=incident_ids).order_by("pk")[:limit])


def incidents_listed() -> QuerySet[Incident]:
    """What the list shows before its filters: everything but hidden samples, the last seen first. Merged ones are in it
    too: a filter that names a state leaves them out.
    """
    return Incident.objects.filter(hidden=False).order_by("-last_seen", "-pk")


def _real_in_window(
    since: datetime, until: datetime, component: str | None, project_id: int | None
) -> QuerySet[Incident]:
    rows = Incident.objects.filter(synthetic=False, last_seen__gte=since, first_seen__lte=until)
    rows = rows.filter(merged_into__isnull=True)
    if component is not None:
        rows = rows.filter(component=component)
    return rows if project_id is None else rows.filter(project_id=project_id)


def incidents_in_window(
    *, since: datetime, until: datetime, component: str | None = None, project_id: int | None = None
) -> QuerySet[Incident]:
    """Real incidents that were seen in the window (requirement 153), the last seen first."""
    return _real_in_window(since, until, component, project_id).order_by("-last_seen", "-pk")


def severity_counts(
    *, since: datetime, until: datetime, component: str | None = None, project_id: int | None = None
) -> dict[str, int]:
    """Real incidents of the window per operator severity."""
    rows = _real_in_window(since, until, component, project_id)
    return dict(rows.values_list("ops_severity").annotate(total=Count("pk")).order_by())


def timeline_of(incident_id: int, *, merged: Sequence[int] = (), limit: int = 200) -> list[TimelineEntry]:
    """The newest `limit` entries, oldest of them first, with those of the incidents that were merged into it."""
    newest = TimelineEntry.objects.filter(incident_id__in=[incident_id, *merged]).order_by("-at", "-pk")[:limit]
    return list(reversed(newest))


def timeline_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[TimelineEntry]:
    """What was done to incidents under a correlation id, the earliest first; `project_id` None: of every project."""
    rows = TimelineEntry.objects.filter(correlation_id=correlation_id).order_by("at", "pk")
    return rows if project_id is None else rows.filter(project_id=project_id)


def releases_of(incident_id: int, *, limit: int = 50) -> list[IncidentRelease]:
    """Where it was seen, the last seen first."""
    sql = "SELECT * FROM triage_incident_release WHERE incident_id = %s ORDER BY last_seen DESC LIMIT %s"
    return instances_of(IncidentRelease, sql, incident_id, limit)


def hours_of(incident_id: int, *, since: datetime) -> dict[datetime, int]:
    """hour → occurrences since then."""
    sql = "SELECT hour, occurrences FROM triage_incident_hour WHERE incident_id = %s AND hour >= %s"
    return {moment_read(hour): times for hour, times in tuples_of(sql, incident_id, moment(since))}


def incidents_open_count() -> int:
    """Open incidents, samples left out."""
    return Incident.objects.filter(synthetic=False, status__in=OPEN).count()


_BLOCKING_READS = (
    *("project_id", "title", "priority", "priority_confirmed", "priority_inferred", "trusted"),
    *("status", "first_seen", "error_class"),
)


def incidents_blocking() -> list[Incident]:
    """Open P0 and P1 incidents, the worst first: what blocks a verdict, with what it says of them (index
    triage_incident_priority).
    """
    rows = Incident.objects.filter(synthetic=False, status__in=OPEN, priority__in=GRAVE).only(*_BLOCKING_READS)
    return list(rows.order_by("priority", "detected_at")[:50])


def incidents_to_merge_into(
    *, project_id: int, synthetic: bool, words: str, without: Sequence[int], limit: int = 10
) -> list[Incident]:
    """A project's incidents that take others in and match the words (`INC-12`, title, component), last seen first."""
    rows = Incident.objects.filter(project_id=project_id, synthetic=synthetic, merged_into__isnull=True)
    digits = words.upper().removeprefix("INC-")
    if digits.isascii() and digits.isdigit() and len(digits) < 16:
        rows = rows.filter(Q(pk=int(digits)) | Q(title__icontains=words))
    elif words:
        rows = rows.filter(Q(title__icontains=words) | Q(component__icontains=words))
    return list(rows.exclude(pk__in=without).order_by("-last_seen", "-pk")[:limit])


def hour_window(now: datetime, hours: int) -> list[datetime]:
    """The last `hours` whole hours, oldest first, the present one included."""
    present = now.replace(minute=0, second=0, microsecond=0)
    return [present - timedelta(hours=back) for back in range(hours - 1, -1, -1)]
