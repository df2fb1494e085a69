"""The one module that holds triage's queries: the batch that counts errors into incidents, the list, the figures."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Q, QuerySet

from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.triage.models import (
    GroupingEpoch,
    Incident,
    IncidentFingerprint,
    IncidentHour,
    IncidentRelease,
    TimelineEntry,
)
from readiness.infra.correlation import current_correlation_id
from readiness.infra.vendor_sql import moment

GROUPING_VERSIONS = ",".join(str(version) for version in range(1, GROUPING_VERSION + 1))
FingerprintKey = tuple[int, int, str]  # (project, algorithm version, hash)
OPEN = ("detected", "acknowledged", "diagnosed", "recurred")
RESOLVED = ("prevented", "closed")


def _moment(value: datetime | None) -> Any:
    return None if value is None else moment(value)


# --- the batch: called inside capture's transaction -----------------------------------------------------------------


def incidents_by_fingerprint(keys: Sequence[FingerprintKey]) -> dict[FingerprintKey, int]:
    """The incident of each fingerprint that has one; a hash of another version is found under that version."""
    return {key: incident for key, (incident, _) in groups_known(keys).items()}


def groups_known(keys: Sequence[FingerprintKey]) -> dict[FingerprintKey, tuple[int, int]]:
    """(incident, how often its hashes were moved) of each fingerprint that has one."""
    if not keys:
        return {}
    projects, hashes = sorted({key[0] for key in keys}), sorted({key[2] for key in keys})
    with connection.cursor() as cursor:  # on the hot path: compiling a query costs more than running it
        cursor.execute(
            "SELECT f.project_id, f.version, f.fingerprint, f.incident_id, i.moves "  # noqa: S608
            "FROM triage_incident_fingerprint f JOIN triage_incident i ON i.id = f.incident_id "
            f"WHERE f.project_id IN ({','.join(['%s'] * len(projects))}) "
            f"AND f.version IN ({GROUPING_VERSIONS}) AND f.fingerprint IN ({','.join(['%s'] * len(hashes))})",
            [*projects, *hashes],
        )
        return {(row[0], row[1], row[2]): (row[3], row[4]) for row in cursor.fetchall()}


def fingerprints_lock() -> None:
    """PostgreSQL: one opener of new incidents at a time (SQLite's write transaction is that already)."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('triage.fingerprints'))")


def incident_open(*, key: FingerprintKey, fields: Mapping[str, Any]) -> Incident:
    """A new incident and its first fingerprint."""
    incident = Incident.objects.create(project_id=key[0], **fields)
    fingerprint_add(key=key, incident_id=incident.pk, at=incident.detected_at, error_id=incident.first_error_id)
    return incident


def fingerprint_add(
    *, key: FingerprintKey, incident_id: int, at: datetime, error_id: str, previous: IncidentFingerprint | None = None
) -> None:
    """One more hash of an incident; `previous` is the older version's by which it came."""
    IncidentFingerprint.objects.create(
        project_id=key[0], version=key[1], fingerprint=key[2], incident_id=incident_id, added_at=at,
        first_error_id=error_id, previous=previous,
    )  # fmt: skip


def fingerprints_of_keys(keys: Sequence[FingerprintKey]) -> dict[FingerprintKey, IncidentFingerprint]:
    """The rows of these keys that there are, each with its incident."""
    if not keys:
        return {}
    rows = IncidentFingerprint.objects.select_related("incident").filter(
        project_id__in={key[0] for key in keys}, version__in={key[1] for key in keys},
        fingerprint__in={key[2] for key in keys},
    )  # fmt: skip
    return {(row.project_id, row.version, row.fingerprint): row for row in rows}


def grouping_epoch(version: int, *, now: datetime) -> datetime:
    """When this version of the algorithm met its first unknown hash; that is now when none was noted."""
    return GroupingEpoch.objects.get_or_create(version=version, defaults={"began_at": now})[0].began_at


_COUNTED = """
UPDATE triage_incident SET
  occurrences = triage_incident.occurrences + v.column2,
  first_seen = CASE WHEN v.column3 < triage_incident.first_seen THEN v.column3 ELSE triage_incident.first_seen END,
  last_seen = CASE WHEN v.column4 > triage_incident.last_seen THEN v.column4 ELSE triage_incident.last_seen END,
  last_error_id = CASE WHEN v.column5 = '' THEN triage_incident.last_error_id ELSE v.column5 END,
  last_release = CASE WHEN v.column5 = '' THEN triage_incident.last_release ELSE v.column6 END,
  last_environment = CASE WHEN v.column5 = '' THEN triage_incident.last_environment ELSE v.column7 END,
  severity = v.column8, ops_severity = v.column9, trusted = v.column10
FROM (VALUES {rows}) AS v WHERE triage_incident.id = v.column1
"""


def incidents_count(rows: Sequence[tuple[Any, ...]]) -> None:
    """Add (id, occurrences, first, last, error id, release, environment, severity, ops severity, trusted) to each."""
    place = "(%s,%s,%s,%s,%s,%s,%s,%s,%s,%s)"
    values = [value for row in rows for value in (row[0], row[1], _moment(row[2]), _moment(row[3]), *row[4:])]
    with connection.cursor() as cursor:
        cursor.execute(_COUNTED.format(rows=",".join([place] * len(rows))), values)


def _upsert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str) -> None:
    place = f"({','.join(['%s'] * len(columns))})"
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({','.join(columns)}) VALUES {','.join([place] * len(rows))} {tail}",  # noqa: S608  names are ours
            [value for row in rows for value in row],
        )


def releases_count(counts: Mapping[tuple[int, int, str, str], tuple[int, datetime, datetime]]) -> None:
    """(project, incident, release, environment) → (occurrences, first, last), added to what is there."""
    _upsert(
        "triage_incident_release",
        ("project_id", "incident_id", "release", "environment", "occurrences", "first_seen", "last_seen"),
        [(*key, number, _moment(first), _moment(last)) for key, (number, first, last) in sorted(counts.items())],
        "ON CONFLICT (incident_id, release, environment) DO UPDATE SET "
        "occurrences = triage_incident_release.occurrences + excluded.occurrences, "
        "first_seen = CASE WHEN excluded.first_seen < triage_incident_release.first_seen "
        "THEN excluded.first_seen ELSE triage_incident_release.first_seen END, "
        "last_seen = CASE WHEN excluded.last_seen > triage_incident_release.last_seen "
        "THEN excluded.last_seen ELSE triage_incident_release.last_seen END",
    )


def hours_count(counts: Mapping[tuple[int, int, datetime], int]) -> None:
    """(project, incident, hour) → occurrences, added to what is there."""
    _upsert(
        "triage_incident_hour",
        ("project_id", "incident_id", "hour", "occurrences"),
        [(key[0], key[1], _moment(key[2]), number) for key, number in sorted(counts.items())],
        "ON CONFLICT (incident_id, hour) DO UPDATE SET "
        "occurrences = triage_incident_hour.occurrences + excluded.occurrences",
    )


def releases_seen_until(*, incident_ids: Sequence[int], moments: Mapping[int, datetime]) -> dict[int, set[str]]:
    """The releases in which each incident was seen before its moment (its resolution)."""
    seen: dict[int, set[str]] = {}
    rows = IncidentRelease.objects.filter(incident_id__in=incident_ids).values_list(
        "incident_id", "release", "first_seen"
    )
    for incident_id, release, first_seen in rows:
        if first_seen <= moments[incident_id]:
            seen.setdefault(incident_id, set()).add(release)
    return seen


def timeline_append(
    *, incident: Incident, at: datetime, kind: str, text: str, actor: str, correlation_id: str | None = None
) -> TimelineEntry:
    """One more entry of the append-only timeline, under the given correlation or else the one under way."""
    return TimelineEntry.objects.create(
        project_id=incident.project_id,
        incident=incident,
        at=at,
        kind=kind,
        text=text[:4_000],
        actor=actor,
        correlation_id=correlation_id or current_correlation_id(),
    )


# --- reading --------------------------------------------------------------------------------------------------------


def incident_find(incident_id: int) -> Incident | None:
    """One incident."""
    return Incident.objects.filter(pk=incident_id).first()


def incidents_listed() -> QuerySet[Incident]:
    """What the list shows before its filters: everything but hidden samples, the last seen first."""
    return Incident.objects.filter(hidden=False).order_by("-last_seen", "-pk")


def _real_in_window(since: datetime, until: datetime, project_id: int | None) -> QuerySet[Incident]:
    rows = Incident.objects.filter(synthetic=False, last_seen__gte=since, first_seen__lte=until)
    return rows if project_id is None else rows.filter(project_id=project_id)


def incidents_in_window(
    *, since: datetime, until: datetime, component: str | None = None, project_id: int | None = None
) -> QuerySet[Incident]:
    """Real incidents that were seen in the window (requirement 153), the last seen first."""
    rows = _real_in_window(since, until, project_id)
    return (rows.filter(component=component) if component else rows).order_by("-last_seen", "-pk")


def severity_counts(*, since: datetime, until: datetime, project_id: int | None = None) -> dict[str, int]:
    """Real incidents of the window per operator severity."""
    rows = _real_in_window(since, until, project_id)
    return dict(rows.values_list("ops_severity").annotate(total=Count("pk")).order_by())


def timeline_of(incident_id: int, *, limit: int = 200) -> list[TimelineEntry]:
    """The newest `limit` entries, oldest of them first."""
    newest = TimelineEntry.objects.filter(incident_id=incident_id).order_by("-at", "-pk")[:limit]
    return list(reversed(newest))


def timeline_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[TimelineEntry]:
    """What was done to incidents under a correlation id, the earliest first; `project_id` None: of every project."""
    rows = TimelineEntry.objects.filter(correlation_id=correlation_id).order_by("at", "pk")
    return rows if project_id is None else rows.filter(project_id=project_id)


def releases_of(incident_id: int, *, limit: int = 50) -> list[IncidentRelease]:
    """Where it was seen, the last seen first."""
    return list(IncidentRelease.objects.filter(incident_id=incident_id).order_by("-last_seen")[:limit])


def hours_of(incident_id: int, *, since: datetime) -> dict[datetime, int]:
    """hour → occurrences since then."""
    rows = IncidentHour.objects.filter(incident_id=incident_id, hour__gte=since)
    return dict(rows.values_list("hour", "occurrences"))


def incidents_open_count() -> int:
    """Open incidents, samples left out."""
    return Incident.objects.filter(synthetic=False, status__in=OPEN).count()


def incidents_blocking() -> list[Incident]:
    """Open P0 and P1 incidents, the worst first: what blocks a verdict."""
    rows = Incident.objects.filter(synthetic=False, status__in=OPEN, priority__in=("P0", "P1"))
    return list(rows.order_by("priority", "detected_at")[:50])


def incidents_resembling(incident: Incident, *, limit: int = 3) -> list[Incident]:
    """Earlier incidents of the same component or class, those with an end first."""
    rows = Incident.objects.filter(project_id=incident.project_id, synthetic=incident.synthetic).exclude(pk=incident.pk)
    rows = rows.filter(Q(component=incident.component) | Q(error_class=incident.error_class))
    return sorted(
        rows.order_by("-last_seen")[:50], key=lambda i: (i.status not in RESOLVED, i.component != incident.component)
    )[:limit]


def hour_window(now: datetime, hours: int) -> list[datetime]:
    """The last `hours` whole hours, oldest first, the present one included."""
    present = now.replace(minute=0, second=0, microsecond=0)
    return [present - timedelta(hours=back) for back in range(hours - 1, -1, -1)]
