"""Capture's queries: what is stored of the errors under one hash or several (index infra_error_events_group)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.db import connection
from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import TruncHour

from incidents.errors.models import ErrorEvent

COUNTED_TO = 10_000
GROUP_COUNTED_TO = 1_000


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """`releases`: (release, environment) → (occurrences, first, last); `hours`: UTC hour of arrival → occurrences. Of
    the events that are stored: what retention took, or what was only counted, is not in it.
    """

    occurrences: int = 0
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    releases: dict[tuple[str, str], tuple[int, datetime, datetime]] = field(default_factory=dict)
    hours: dict[datetime, int] = field(default_factory=dict)


def _group(project_id: int, fingerprints: Sequence[str]) -> QuerySet[ErrorEvent]:
    return ErrorEvent.objects.filter(project_id=project_id, fingerprint__in=fingerprints)


def group_figures(
    *, project_id: int, fingerprints: Sequence[str], since: datetime | None = None, until: datetime | None = None
) -> GroupFigures:
    """What the stored events under these hashes come to, those that arrived since then or until then. Two queries."""
    rows = _group(project_id, fingerprints)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    releases: dict[tuple[str, str], tuple[int, datetime, datetime]] = {}
    places = rows.values_list("release", "environment").annotate(Count("error_id"), Min("timestamp"), Max("timestamp"))
    for release, environment, number, first, last in places:
        releases[release or "", environment] = (number, first, last)
    if not releases:
        return GroupFigures()
    hours = rows.annotate(hour=TruncHour("created_at")).values_list("hour").annotate(Count("error_id"))
    return GroupFigures(
        occurrences=sum(number for number, _, _ in releases.values()),
        first_seen=min(first for _, first, _ in releases.values()),
        last_seen=max(last for _, _, last in releases.values()),
        releases=releases,
        hours=dict(hours),
    )


def group_count(*, project_id: int, fingerprint: str) -> int:
    """How many events are stored under the hash, counted to COUNTED_TO + 1."""
    return _group(project_id, [fingerprint])[: COUNTED_TO + 1].count()


@dataclass(frozen=True, slots=True)
class GroupStored:
    """What is stored under one hash: `events` counted to GROUP_COUNTED_TO + 1, the first and last, and what the last
    one said.
    """

    events: int
    first_seen: datetime
    last_seen: datetime
    last_error_id: str
    last_type: str
    last_message: str


_OF_GROUP = "FROM infra_error_events e WHERE e.project_id = %s AND e.fingerprint = f.column1"
_LAST = f"{_OF_GROUP} ORDER BY e.timestamp DESC LIMIT 1"


def _read(value: datetime) -> datetime:
    """A time that plain SQL gave: SQLite's says no zone, and is UTC."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


def groups_stored(*, project_id: int, fingerprints: Sequence[str]) -> dict[str, GroupStored]:
    """By hash, of those under which anything is stored. One query; each hash costs some rows of an index, however many
    events there are (index infra_error_events_group).
    """
    if not fingerprints:
        return {}
    said = ("timestamp", "error_id", "exception_type", "SUBSTR(e.message, 1, 300)")
    columns = ", ".join(f"(SELECT {one if '(' in one else f'e.{one}'} {_LAST})" for one in said)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT f.column1, (SELECT COUNT(*) FROM (SELECT 1 {_OF_GROUP} LIMIT {GROUP_COUNTED_TO + 1}) c), "  # noqa: S608  names are ours
            f"(SELECT e.timestamp {_OF_GROUP} ORDER BY e.timestamp LIMIT 1), {columns} "
            f"FROM (VALUES {','.join(['(%s)'] * len(fingerprints))}) AS f",
            [*[project_id] * 6, *fingerprints],
        )
        rows = cursor.fetchall()
    return {
        row[0]: GroupStored(row[1], _read(row[2]), _read(row[3]), row[4], row[5] or "", row[6])
        for row in rows
        if row[1]
    }


def group_newest(*, project_id: int, fingerprints: Sequence[str]) -> ErrorEvent | None:
    """The last stored event under these hashes."""
    return _group(project_id, fingerprints).order_by("-timestamp").first()


def group_oldest(*, project_id: int, fingerprints: Sequence[str]) -> ErrorEvent | None:
    """The first stored event under these hashes."""
    return _group(project_id, fingerprints).order_by("timestamp").first()
