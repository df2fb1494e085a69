"""The batch that counts errors into incidents: called inside capture's transaction, so plain SQL where it is hot."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Min, Q, QuerySet

from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.triage.models import (
    GroupingEpoch,
    Incident,
    IncidentFingerprint,
    IncidentRelease,
    TimelineEntry,
)
from readiness.infra.bulk_sql import rows_insert, rows_use
from readiness.infra.correlation import current_correlation_id
from readiness.infra.plain_sql import tuples_of
from readiness.infra.vendor_sql import moment

FingerprintKey = tuple[int, int, str]  # (project, algorithm version, hash)


def _moment(value: datetime | None) -> Any:
    return None if value is None else moment(value)


def incidents_by_fingerprint(keys: Sequence[FingerprintKey]) -> dict[FingerprintKey, int]:
    """The incident of each fingerprint that has one; a hash of another version is found under that version."""
    return {key: incident for key, (incident, _) in groups_known(keys).items()}


def groups_known(keys: Sequence[FingerprintKey]) -> dict[FingerprintKey, tuple[int, int]]:
    """(incident, how often its hashes were moved) of each fingerprint that has one."""
    if not keys:
        return {}
    projects, hashes = sorted({key[0] for key in keys}), sorted({key[2] for key in keys})
    versions = ",".join(map(str, range(1, max(key[1] for key in keys) + 1)))
    with connection.cursor() as cursor:  # on the hot path: compiling a query costs more than running it
        cursor.execute(
            "SELECT f.project_id, f.version, f.fingerprint, f.incident_id, i.moves "  # noqa: S608
            "FROM triage_incident_fingerprint f JOIN triage_incident i ON i.id = f.incident_id "
            f"WHERE f.project_id IN ({','.join(['%s'] * len(projects))}) "
            f"AND f.version IN ({versions}) AND f.fingerprint IN ({','.join(['%s'] * len(hashes))})",
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


def fingerprints_of_incident(incident_id: int, *, limit: int = 200) -> list[str]:
    """The groups that the incident holds, the latest first."""
    sql = "SELECT fingerprint FROM triage_incident_fingerprint WHERE incident_id = %s ORDER BY id DESC LIMIT %s"
    return [fingerprint for (fingerprint,) in tuples_of(sql, incident_id, limit)]


def incidents_of_groups(*, project_id: int, fingerprints: Sequence[str]) -> QuerySet[Incident]:
    """The incidents that hold these hashes, of whichever version of the algorithm, and those merged into them."""
    holders = IncidentFingerprint.objects.filter(
        project_id=project_id, version__in=range(1, GROUPING_VERSION + 1), fingerprint__in=fingerprints
    ).values("incident_id")
    return Incident.objects.filter(Q(pk__in=holders) | Q(merged_into_id__in=holders))


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


_COUNTED_COLUMNS = (
    "id", "occurrences", "first_seen", "last_seen", "last_error_id", "last_release", "last_environment", "severity",
    "ops_severity", "trusted",
)  # fmt: skip
_COUNTED = """
UPDATE triage_incident SET
  occurrences = triage_incident.occurrences + v.column2,
  first_seen = CASE WHEN v.column3 < triage_incident.first_seen THEN v.column3 ELSE triage_incident.first_seen END,
  last_seen = CASE WHEN v.column4 > triage_incident.last_seen THEN v.column4 ELSE triage_incident.last_seen END,
  last_error_id = CASE WHEN v.column5 = '' THEN triage_incident.last_error_id ELSE v.column5 END,
  last_release = CASE WHEN v.column5 = '' THEN triage_incident.last_release ELSE v.column6 END,
  last_environment = CASE WHEN v.column5 = '' THEN triage_incident.last_environment ELSE v.column7 END,
  severity = v.column8, ops_severity = v.column9, trusted = v.column10
FROM ({rows}) AS v WHERE triage_incident.id = v.column1
"""


def incidents_count(rows: Sequence[tuple[Any, ...]]) -> None:
    """Add (id, occurrences, first, last, error id, release, environment, severity, ops severity, trusted) to each."""
    moments = [(row[0], row[1], _moment(row[2]), _moment(row[3]), *row[4:]) for row in rows]
    rows_use(_COUNTED, "triage_incident", _COUNTED_COLUMNS, moments)


def releases_count(counts: Mapping[tuple[int, int, str, str], tuple[int, datetime, datetime]]) -> None:
    """(project, incident, release, environment) → (occurrences, first, last), added to what is there."""
    rows_insert(
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
    rows_insert(
        "triage_incident_hour",
        ("project_id", "incident_id", "hour", "occurrences"),
        [(key[0], key[1], _moment(key[2]), number) for key, number in sorted(counts.items())],
        "ON CONFLICT (incident_id, hour) DO UPDATE SET "
        "occurrences = triage_incident_hour.occurrences + excluded.occurrences",
    )


def releases_seen_until(*, incident_ids: Sequence[int], moments: Mapping[int, datetime]) -> dict[int, list[str]]:
    """The releases in which each incident was seen before its moment (its resolution), the first seen last."""
    seen: dict[int, dict[str, None]] = {}
    rows = IncidentRelease.objects.filter(incident_id__in=incident_ids).exclude(release="").order_by("-first_seen")
    for incident_id, release, first_seen in rows.values_list("incident_id", "release", "first_seen"):
        if first_seen <= moments[incident_id]:
            seen.setdefault(incident_id, {})[release] = None
    return {incident_id: list(releases) for incident_id, releases in seen.items()}


def releases_first_seen(
    *, project_ids: Collection[int], releases: Collection[str]
) -> dict[int, dict[str, dict[str, datetime]]]:
    """project → release → environment → its first event of any incident (index triage_release_first)."""
    found: dict[int, dict[str, dict[str, datetime]]] = {}
    rows = IncidentRelease.objects.filter(project_id__in=project_ids, release__in=releases).exclude(release="")
    counted = rows.values_list("project_id", "release", "environment").annotate(Min("first_seen")).order_by()
    for project_id, release, environment, first in counted:
        found.setdefault(project_id, {}).setdefault(release, {})[environment] = first
    return found


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
