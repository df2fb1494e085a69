"""Capture's queries: copies that outlive retention, retention by count, and erasure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from incidents.errors.models import CaptureSettings, ErasureTombstone, ErrorEvent, ErrorRollup, KeptError, UserReport
from incidents.errors.services.captured import CapturedError
from incidents.errors.store.writing import EVENT_COLUMNS, event_row, hour_of, rows_insert
from readiness.infra.vendor_sql import moment

GROUPS_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class EventKey:
    """What names an event, and where its rollup is. `created_at` prunes the partitions."""

    project_id: int
    error_id: str
    created_at: datetime
    component: str
    error_class: str
    severity: str


_KEY_FIELDS = ("project_id", "error_id", "created_at", "component", "error_class", "severity")


def kept_insert(copies: Sequence[tuple[CapturedError, int, str]], *, at: datetime) -> None:
    """Keep a copy of each (error, incident number, `first` or `recurrence`)."""
    rows_insert(
        "infra_error_kept",
        (*EVENT_COLUMNS, "incident_id", "reason", "kept_at"),
        [
            (*event_row(error, error.envelope.error_id), incident, reason, moment(at))
            for error, incident, reason in copies
        ],
        "ON CONFLICT DO NOTHING",
    )


# --- retention by count ---------------------------------------------------------------------------------------------


def groups_page(after: tuple[int, str]) -> list[tuple[int, str]]:
    """The next (project, fingerprint) pairs in order, found by skipping through the index from group to group."""
    found: list[tuple[int, str]] = []
    with connection.cursor() as cursor:
        while len(found) < GROUPS_A_PAGE:
            cursor.execute(
                "SELECT project_id, fingerprint FROM infra_error_events WHERE (project_id, fingerprint) > (%s, %s) "
                "ORDER BY project_id, fingerprint LIMIT 1",
                after,
            )
            row = cursor.fetchone()
            if row is None:
                break
            after = (row[0], row[1])
            found.append(after)
    return found


def limits_by_project() -> dict[int, int]:
    """project → how many events an incident's group keeps, where the project says so itself."""
    rows = CaptureSettings.objects.exclude(events_per_incident=None)
    return {project: int(limit or 0) for project, limit in rows.values_list("project_id", "events_per_incident")}


def group_excess(*, project_id: int, fingerprint: str, keep: int, batch: int) -> list[EventKey]:
    """At most `batch` of the group's events beyond its newest `keep`, the newest of them first."""
    rows = ErrorEvent.objects.filter(project_id=project_id, fingerprint=fingerprint).order_by("-timestamp")
    return [EventKey(*row) for row in rows.values_list(*_KEY_FIELDS)[keep : keep + batch]]


# --- removal under a permit -----------------------------------------------------------------------------------------


def events_remove(keys: Sequence[EventKey]) -> int:
    """Delete these events (under a permit), and note in their rollups that they went; how many went."""
    gone = 0
    by_project: dict[int, list[EventKey]] = {}
    for key in keys:
        by_project.setdefault(key.project_id, []).append(key)
    for project_id, mine in by_project.items():
        moments = [key.created_at for key in mine]
        gone += _delete(
            "infra_error_events",
            project_id,
            [key.error_id for key in mine],
            "AND created_at >= %s AND created_at <= %s",
            [moment(min(moments)), moment(max(moments))],
        )
    counts = Counter((hour_of(k.created_at), k.project_id, k.component, k.error_class, k.severity) for k in keys)
    for (hour, project_id, component, error_class, severity), number in sorted(counts.items()):
        rows = ErrorRollup.objects.filter(
            hour=hour, project_id=project_id, component=component, error_class=error_class, severity=severity
        )
        for removed in rows.values_list("removed", flat=True):
            rows.update(removed=removed + number)
    return gone


def kept_remove(keys: Sequence[tuple[int, str]]) -> int:
    """Delete these kept copies (under a permit); how many went."""
    return sum(_delete("infra_error_kept", project_id, [error_id]) for project_id, error_id in keys)


def _delete(table: str, project_id: int, error_ids: Sequence[str], tail: str = "", values: Sequence[Any] = ()) -> int:
    places = ",".join(["%s"] * len(error_ids))
    sql = f"DELETE FROM {table} WHERE project_id = %s AND error_id IN ({places}) {tail}"  # noqa: S608  names are ours
    with connection.cursor() as cursor:
        cursor.execute(sql, [project_id, *error_ids, *values])
        return int(cursor.rowcount)


# --- erasure --------------------------------------------------------------------------------------------------------


def events_of_person(*, project_id: int, user_hash: str, most: int) -> list[EventKey]:
    """A person's stored events, by the keyed hash of who they are. Reads the project's events: erasure is rare."""
    rows = ErrorEvent.objects.filter(project_id=project_id, context__user_hash=user_hash)
    return [EventKey(*row) for row in rows.values_list(*_KEY_FIELDS)[:most]]


def events_named(*, project_id: int, error_ids: Sequence[str]) -> list[EventKey]:
    """Stored events by their ids."""
    rows = ErrorEvent.objects.filter(project_id=project_id, error_id__in=error_ids)
    return [EventKey(*row) for row in rows.values_list(*_KEY_FIELDS)]


def kept_of_person(*, project_id: int, user_hash: str) -> list[tuple[int, str]]:
    """A person's kept copies."""
    rows = KeptError.objects.filter(project_id=project_id, context__user_hash=user_hash)
    return list(rows.values_list("project_id", "error_id"))


def kept_named(*, project_id: int, error_ids: Sequence[str]) -> list[tuple[int, str]]:
    """Kept copies by their ids."""
    rows = KeptError.objects.filter(project_id=project_id, error_id__in=error_ids)
    return list(rows.values_list("project_id", "error_id"))


def reports_erase(*, project_id: int, user_hash: str) -> int:
    """Delete what a person said about errors; how many reports went."""
    return UserReport.objects.filter(project_id=project_id, user_hash=user_hash).delete()[0]


def tombstones_set(keys: Sequence[tuple[int, str]], *, at: datetime, actor: str, reason: str) -> None:
    """Leave word that these events were there and are gone on purpose."""
    ErasureTombstone.objects.bulk_create(
        [
            ErasureTombstone(project_id=project, error_id=error_id, erased_at=at, actor=actor, reason=reason[:500])
            for project, error_id in sorted(set(keys))
        ],
        ignore_conflicts=True,
    )


def tombstone_find(*, project_id: int, error_id: str) -> ErasureTombstone | None:
    """The tombstone of an erased event."""
    return ErasureTombstone.objects.filter(project_id=project_id, error_id=error_id).first()
