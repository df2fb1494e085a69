"""Capture's queries: copies that outlive retention, retention by count, and erasure."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q, QuerySet

from incidents.errors.models import (
    CaptureSettings,
    ErasureTombstone,
    ErrorEvent,
    ErrorRollup,
    KeptError,
    Span,
    UserReport,
)
from incidents.errors.services.captured import CapturedError
from incidents.errors.store.writing import EVENT_COLUMNS, event_row, hour_of
from readiness.infra.bulk_sql import rows_insert
from readiness.infra.plain_sql import tuples_of
from readiness.infra.vendor_sql import moment

GROUPS_A_PAGE = 500


@dataclass(frozen=True, slots=True)
class EventKey:
    """What names an event (or its kept copy), where its rollup is, and what belongs to it. `created_at` prunes the
    partitions.
    """

    project_id: int
    error_id: str
    created_at: datetime
    component: str
    error_class: str
    severity: str
    fingerprint: str
    correlation_id: str | None
    message: str


_KEY_FIELDS = (
    "project_id", "error_id", "created_at", "component", "error_class", "severity", "fingerprint", "correlation_id",
    "message",
)  # fmt: skip


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


def group_excess_count(*, project_id: int, fingerprint: str, keep: int, since: datetime) -> int:
    """How many events that arrived since then the group has beyond its newest `keep`."""
    rows = ErrorEvent.objects.filter(project_id=project_id, fingerprint=fingerprint, created_at__gte=since)
    return max(0, rows.count() - keep)


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


def kept_remove(keys: Sequence[EventKey]) -> int:
    """Delete these kept copies (under a permit); how many went."""
    return sum(_delete("infra_error_kept", key.project_id, [key.error_id]) for key in keys)


def _delete(table: str, project_id: int, error_ids: Sequence[str], tail: str = "", values: Sequence[Any] = ()) -> int:
    places = ",".join(["%s"] * len(error_ids))
    sql = f"DELETE FROM {table} WHERE project_id = %s AND error_id IN ({places}) {tail}"  # noqa: S608  names are ours
    with connection.cursor() as cursor:
        cursor.execute(sql, [project_id, *error_ids, *values])
        return int(cursor.rowcount)


# --- erasure --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Whose:
    """Whom an erasure is about: a person of a project, by the keyed hash of who they are, or events by their ids."""

    project_id: int
    user_hash: str = ""
    error_ids: Sequence[str] = ()

    def events(self) -> QuerySet[ErrorEvent]:
        """Stored events. A person's are looked for among all of the project: erasure is rare."""
        rows = ErrorEvent.objects.filter(project_id=self.project_id)
        return (
            rows.filter(context__user_hash=self.user_hash)
            if self.user_hash
            else rows.filter(error_id__in=self.error_ids)
        )

    def copies(self) -> QuerySet[KeptError]:
        """Kept copies."""
        rows = KeptError.objects.filter(project_id=self.project_id)
        return (
            rows.filter(context__user_hash=self.user_hash)
            if self.user_hash
            else rows.filter(error_id__in=self.error_ids)
        )


def events_of(whose: Whose, *, most: int) -> list[EventKey]:
    """At most so many of their stored events."""
    return [EventKey(*row) for row in whose.events().values_list(*_KEY_FIELDS)[:most]]


def copies_of(whose: Whose, *, most: int) -> list[EventKey]:
    """At most so many of their kept copies."""
    return [EventKey(*row) for row in whose.copies().values_list(*_KEY_FIELDS)[:most]]


def belonging_to(whose: Whose, *, most: int) -> tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]:
    """(error id, trace id) of their stored events, and of their kept copies; at most so many of each."""
    names = ("error_id", "correlation_id")
    return list(whose.events().values_list(*names)[:most]), list(whose.copies().values_list(*names)[:most])


def reports_about(whose: Whose, *, error_ids: Collection[str]) -> QuerySet[UserReport]:
    """What the person wrote, and what was written about these events."""
    about = Q(error_id__in=list(error_ids))
    if whose.user_hash:
        about |= Q(user_hash=whose.user_hash)
    return UserReport.objects.filter(about, project_id=whose.project_id)


def reports_remove(ids: Sequence[int]) -> int:
    """Delete these reports; how many went."""
    return UserReport.objects.filter(pk__in=ids).delete()[0]


def spans_about(*, project_id: int, trace_ids: Collection[str]) -> QuerySet[Span]:
    """The spans of these traces."""
    return Span.objects.filter(project_id=project_id, trace_id__in=list(trace_ids))


def tombstones_set(keys: Sequence[EventKey], *, of_person: bool, at: datetime, actor: str, reason: str) -> None:
    """Leave word that these events were there and are gone on purpose."""
    ErasureTombstone.objects.bulk_create(
        [
            ErasureTombstone(
                project_id=project, error_id=error_id, fingerprint=fingerprint, of_person=of_person, erased_at=at,
                actor=actor, reason=reason[:500],
            )
            for project, error_id, fingerprint in sorted({(k.project_id, k.error_id, k.fingerprint) for k in keys})
        ],
        ignore_conflicts=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ErasedCount:
    """How many events of an incident were erased at one request, and when the last of them was."""

    actor: str
    reason: str
    of_person: bool
    events: int
    at: datetime


def erasures_of_groups(*, project_id: int, fingerprints: Sequence[str], limit: int = 5) -> list[ErasedCount]:
    """What was erased of these groups, the last first (index infra_error_tombstones_group)."""
    rows = (
        ErasureTombstone.objects.filter(project_id=project_id, fingerprint__in=fingerprints)
        .values_list("actor", "reason", "of_person")
        .annotate(events=Count("error_id"), at=Max("erased_at"))
        .order_by("-at")[:limit]
    )
    return [ErasedCount(*row) for row in rows]


# --- likeness -------------------------------------------------------------------------------------------------------


def kept_payloads(*, project_id: int, error_ids: Collection[str]) -> dict[str, bytes]:
    """error id → the detail of its kept copy (the primary key)."""
    sql = "SELECT error_id, payload FROM infra_error_kept WHERE project_id = %s AND error_id IN %s"
    return {error_id: bytes(payload) for error_id, payload in tuples_of(sql, project_id, tuple(error_ids))}
