"""The queries of root causes and lessons."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from incidents.lessons.models import Control, Lesson, RootCause
from readiness.infra.plain_sql import instances_of


def root_cause_latest(incident_id: int) -> RootCause | None:
    """The revision that counts."""
    sql = "SELECT * FROM lessons_root_cause WHERE incident_id = %s ORDER BY revision DESC LIMIT 1"
    return next(iter(instances_of(RootCause, sql, incident_id)), None)


def root_cause_at(incident_id: int, at: datetime) -> RootCause | None:
    """The revision that counted at that moment."""
    return RootCause.objects.filter(incident_id=incident_id, written_at__lte=at).order_by("-revision").first()


def root_causes_of_incident(incident_id: int, *, limit: int) -> QuerySet[RootCause]:
    """Every revision, the newest first."""
    return RootCause.objects.filter(incident_id=incident_id).order_by("-revision")[:limit]


def root_cause_insert(**fields: Any) -> RootCause:
    return RootCause.objects.create(**fields)


def lesson_insert(**fields: Any) -> Lesson:
    return Lesson.objects.create(**fields)


def lesson_find(lesson_id: int) -> Lesson | None:
    return Lesson.objects.filter(pk=lesson_id).first()


def lesson_written(incident_id: int, **fields: Any) -> Lesson | None:
    """A lesson of the incident that says just this in the same place, if there is one."""
    return Lesson.objects.filter(incident_id=incident_id, **fields).first()


def lesson_is_replaced(lesson_id: int) -> bool:
    return Lesson.objects.filter(replaces_id=lesson_id).exists()


def lessons_of_incident(incident_id: int, *, limit: int = 20) -> QuerySet[Lesson]:
    """The current ones, oldest first."""
    return Lesson.objects.filter(incident_id=incident_id, replaced_by__isnull=True).order_by("id")[:limit]


def lessons_ever_of_incident(incident_id: int, *, limit: int) -> QuerySet[Lesson]:
    """Those that were corrected too, the newest first."""
    return Lesson.objects.filter(incident_id=incident_id).order_by("-id")[:limit]


_CURRENT_OF = """
SELECT * FROM lessons_lesson AS lesson
WHERE incident_id IN %s AND NOT EXISTS (SELECT 1 FROM lessons_lesson AS newer WHERE newer.replaces_id = lesson.id)
ORDER BY id LIMIT %s
"""


def lessons_of_incidents(incident_ids: Iterable[int], *, limit: int = 200) -> dict[int, list[Lesson]]:
    """The current lessons of each incident, oldest first, in one query."""
    grouped: dict[int, list[Lesson]] = {}
    for lesson in instances_of(Lesson, _CURRENT_OF, tuple(incident_ids), limit):
        grouped.setdefault(lesson.incident_id, []).append(lesson)
    return grouped


def lessons_current() -> QuerySet[Lesson]:
    """The current ones with their incidents, newest first (index lessons_lesson_recent)."""
    return Lesson.objects.filter(replaced_by__isnull=True).select_related("incident").order_by("-written_at", "-id")


def written_counts(incident_ids: Iterable[int]) -> dict[int, tuple[int, int, int]]:
    """(root causes, lessons, controls) of each incident that has any. Three queries."""
    ids = list(incident_ids)
    counted = [
        dict(model.objects.filter(incident_id__in=ids).values_list("incident_id").annotate(Count("pk")).order_by())
        for model in (RootCause, Lesson, Control)
    ]
    return {pk: (counted[0].get(pk, 0), counted[1].get(pk, 0), counted[2].get(pk, 0)) for pk in set().union(*counted)}
