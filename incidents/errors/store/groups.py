"""Capture's queries: what is stored of the errors under one hash or several (index infra_error_events_group)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import TruncHour

from incidents.errors.models import ErrorEvent

COUNTED_TO = 10_000


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


def group_figures(*, project_id: int, fingerprints: Sequence[str], since: datetime | None = None) -> GroupFigures:
    """What the stored events under these hashes come to, those that arrived since then. Two queries."""
    rows = _group(project_id, fingerprints)
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


def group_newest(*, project_id: int, fingerprints: Sequence[str]) -> ErrorEvent | None:
    """The last stored event under these hashes."""
    return _group(project_id, fingerprints).order_by("-timestamp").first()


def group_oldest(*, project_id: int, fingerprints: Sequence[str]) -> ErrorEvent | None:
    """The first stored event under these hashes."""
    return _group(project_id, fingerprints).order_by("timestamp").first()
