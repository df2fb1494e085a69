"""What a review of the incident log finds missing: the queries behind the checklist after a pilot (requirement 359).

Real incidents only: neither synthetic, nor a hidden sample, nor merged into another, nor of the console (project 0).
"""

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet

from incidents.lessons.models import Lesson
from incidents.lessons.store.controls import incidents_uncontrolled
from incidents.triage.models import Incident, PostMortem
from incidents.triage.services.response import RESPONSES
from readiness.tenants.models import INSTALLATION_PROJECT_ID

GRAVE = tuple(priority for priority, response in RESPONSES.items() if response.post_mortem)  # P0 and P1 (348)
REVIEWED = (*GRAVE, Incident.Priority.P2)  # P3 is the backlog (352)


def _real(project_id: int | None, priorities: Sequence[str]) -> QuerySet[Incident]:
    """Index triage_incident_priority."""
    rows = Incident.objects.filter(
        priority__in=priorities, synthetic=False, hidden=False, merged_into__isnull=True
    ).order_by("priority", "pk")
    if project_id is None:
        return rows.exclude(project_id=INSTALLATION_PROJECT_ID)
    return rows.filter(project_id=project_id)


def _numbers(rows: QuerySet[Incident], limit: int) -> list[int]:
    return list(rows.values_list("pk", flat=True)[:limit])


def incidents_undiagnosed(*, project_id: int | None, limit: int) -> list[int]:
    """P0 to P2 whose root cause is not written, has no evidence, or is from before the last recurrence."""
    return _numbers(_real(project_id, REVIEWED).filter(diagnosed_at__isnull=True), limit)


def incidents_without_post_mortem(*, project_id: int | None, limit: int) -> list[int]:
    """P0 and P1."""
    written = Exists(PostMortem.objects.filter(incident=OuterRef("pk")))
    return _numbers(_real(project_id, GRAVE).filter(~written), limit)


def incidents_without_lesson(*, project_id: int | None, limit: int) -> list[int]:
    """P0 and P1."""
    return _numbers(_real(project_id, GRAVE).filter(~Exists(Lesson.objects.filter(incident=OuterRef("pk")))), limit)


def incidents_without_control(*, project_id: int | None, limit: int) -> list[int]:
    """P0 to P2 with no control of any kind."""
    return _numbers(incidents_uncontrolled(_real(project_id, REVIEWED)), limit)


def incident_log_exists(*, project_id: int | None) -> bool:
    """Whether there is any real incident to review, of whatever priority."""
    return _real(project_id, Incident.Priority.values).exists()
