"""Hashes that move between incidents, and the figures that go with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, QuerySet

from incidents.triage.models import (
    Incident,
    IncidentFingerprint,
    IncidentHour,
    IncidentMerge,
    IncidentRelease,
    IncidentSplit,
)
from readiness.infra.plain_sql import tuples_of

Place = tuple[str, str]  # (release, environment)
MERGES_READ = 200


def fingerprint_ids(incident_id: int) -> list[int]:
    """The ids of an incident's hashes."""
    return list(IncidentFingerprint.objects.filter(incident_id=incident_id).order_by("pk").values_list("pk", flat=True))


def fingerprints_named(ids: Sequence[int]) -> list[IncidentFingerprint]:
    """The hashes with these ids, wherever they lead."""
    return list(IncidentFingerprint.objects.filter(pk__in=ids).order_by("pk"))


def fingerprints_listed(incident_id: int) -> QuerySet[IncidentFingerprint]:
    """The hashes of an incident, its first one first, each with the older one by which it came."""
    return IncidentFingerprint.objects.filter(incident_id=incident_id).select_related("previous").order_by("pk")


def fingerprint_counts(incident_ids: Sequence[int]) -> dict[int, int]:
    """How many hashes lead to each of the incidents; those without any are left out."""
    rows = IncidentFingerprint.objects.filter(incident_id__in=incident_ids).values_list("incident_id")
    return dict(rows.annotate(Count("pk")).order_by())


def fingerprints_move(ids: Sequence[int], *, to: int) -> int:
    """Let the hashes lead to another incident from now on; how many did."""
    return IncidentFingerprint.objects.filter(pk__in=ids).update(incident_id=to)


def fingerprints_at(ids: Sequence[int], incident_id: int) -> list[IncidentFingerprint]:
    """Those of the hashes that lead to this incident now, and those of its hashes that upgrades attached by them."""
    rows = IncidentFingerprint.objects.filter(incident_id=incident_id)
    found = {row.pk: row for row in rows.filter(Q(pk__in=ids) | Q(previous_id__in=ids))}
    waiting = list(found)
    while waiting:  # once for each version of the algorithm
        later = {row.pk: row for row in rows.filter(previous_id__in=waiting)}
        waiting = [pk for pk in later if pk not in found]
        found.update(later)
    return [found[pk] for pk in sorted(found)]


def incidents_moved(ids: Sequence[int]) -> None:
    """Batches that looked a hash up before the lock are to look again (workflows.recording)."""
    Incident.objects.filter(pk__in=ids).update(moves=F("moves") + 1)


def incident_add(*, project_id: int, fields: Mapping[str, Any]) -> Incident:
    """An incident without a hash of its own yet."""
    return Incident.objects.create(project_id=project_id, **fields)


# --- figures --------------------------------------------------------------------------------------------------------


def figures_join(*, source_id: int, target_id: int) -> None:
    """Add the releases and hours of one incident to another's; the source keeps its own rows."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO triage_incident_hour (project_id, incident_id, hour, occurrences) "
            "SELECT project_id, %s, hour, occurrences FROM triage_incident_hour WHERE incident_id = %s "
            "ON CONFLICT (incident_id, hour) DO UPDATE SET "
            "occurrences = triage_incident_hour.occurrences + excluded.occurrences",
            [target_id, source_id],
        )
        cursor.execute(
            "INSERT INTO triage_incident_release "
            "(project_id, incident_id, release, environment, first_seen, last_seen, occurrences) "
            "SELECT project_id, %s, release, environment, first_seen, last_seen, occurrences "
            "FROM triage_incident_release WHERE incident_id = %s "
            "ON CONFLICT (incident_id, release, environment) DO UPDATE SET "
            "occurrences = triage_incident_release.occurrences + excluded.occurrences, "
            "first_seen = CASE WHEN excluded.first_seen < triage_incident_release.first_seen "
            "THEN excluded.first_seen ELSE triage_incident_release.first_seen END, "
            "last_seen = CASE WHEN excluded.last_seen > triage_incident_release.last_seen "
            "THEN excluded.last_seen ELSE triage_incident_release.last_seen END",
            [target_id, source_id],
        )


def release_times(incident_id: int) -> dict[Place, tuple[int, datetime, datetime]]:
    """(release, environment) → (occurrences, first, last) of an incident."""
    rows = IncidentRelease.objects.filter(incident_id=incident_id)
    return {(row.release, row.environment): (row.occurrences, row.first_seen, row.last_seen) for row in rows}


def hour_counts(incident_id: int) -> dict[datetime, int]:
    """UTC hour → occurrences of an incident."""
    return dict(IncidentHour.objects.filter(incident_id=incident_id).values_list("hour", "occurrences"))


def figures_take(
    incident_id: int,
    *,
    releases: Mapping[Place, int],
    hours: Mapping[datetime, int],
    first_seen: Mapping[Place, datetime],
) -> None:
    """Take (release, environment) → occurrences and hour → occurrences from an incident; what comes to nothing goes.
    `first_seen`: since when it is in a release that stays, where that changes.
    """
    for release in IncidentRelease.objects.filter(incident_id=incident_id):
        place = release.release, release.environment
        left = release.occurrences - releases.get(place, 0)
        if place not in releases and place not in first_seen:
            continue
        if left <= 0:
            release.delete()
            continue
        release.occurrences, release.first_seen = left, first_seen.get(place, release.first_seen)
        release.save(update_fields=["occurrences", "first_seen"])
    for hour in IncidentHour.objects.filter(incident_id=incident_id, hour__in=list(hours)):
        hour.occurrences -= hours[hour.hour]
        if hour.occurrences > 0:
            hour.save(update_fields=["occurrences"])
        else:
            hour.delete()


# --- merges -----------------------------------------------------------------------------------------------------------


def merge_add(**fields: Any) -> IncidentMerge:
    return IncidentMerge.objects.create(**fields)


def merge_find(merge_id: int) -> IncidentMerge | None:
    return IncidentMerge.objects.filter(pk=merge_id).first()


def merge_of(incident_id: int) -> IncidentMerge | None:
    """The merge by which this incident went into another, if it did and that holds."""
    return IncidentMerge.objects.filter(source_id=incident_id, undone_at__isnull=True).first()


def merges_into(incident_id: int, *, limit: int = MERGES_READ) -> list[IncidentMerge]:
    """What was merged into the incident, undone merges too, the last first; each with its source."""
    rows = IncidentMerge.objects.filter(target_id=incident_id).select_related("source")
    return list(rows.order_by("-at", "-pk")[:limit])


def split_add(**fields: Any) -> IncidentSplit:
    return IncidentSplit.objects.create(**fields)


def split_of(incident_id: int) -> IncidentSplit | None:
    """How this incident was split off another, if it was; with that one."""
    return IncidentSplit.objects.filter(new_id=incident_id).select_related("parent").first()


def splits_from(incident_id: int, *, limit: int = 50) -> list[IncidentSplit]:
    """What was split off the incident, the last first; each with what became of it."""
    rows = IncidentSplit.objects.filter(parent_id=incident_id).select_related("new")
    return list(rows.order_by("-at", "-pk")[:limit])


def merged_ids(incident_id: int) -> list[int]:
    """The incidents that are part of this one by a merge, directly or through another."""
    rows = tuples_of("SELECT id FROM triage_incident WHERE merged_into_id = %s ORDER BY id", incident_id)
    return [merged for (merged,) in rows]


def merged_below(incident_id: int) -> list[int]:
    """The incidents that came with this one when it was merged: those merged into it, and into them, and so on."""
    found: list[int] = []
    waiting = [incident_id]
    while waiting:
        rows = IncidentMerge.objects.filter(target_id__in=waiting, undone_at__isnull=True)
        waiting = [pk for pk in rows.values_list("source_id", flat=True) if pk not in found]
        found += waiting
    return found


def merged_point(ids: Sequence[int], *, to: int | None) -> None:
    """Where merged incidents lead: always to the one that holds their hashes, in one step."""
    Incident.objects.filter(pk__in=ids).update(merged_into_id=to)
