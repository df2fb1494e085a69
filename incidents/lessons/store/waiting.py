"""What needs a person: incidents with a next step, and controls that no longer hold."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from incidents.lessons.models import Control, Lesson
from incidents.lessons.store.due import awaited_past
from incidents.lessons.store.waivers import waivers_counting
from incidents.triage.models import Incident, PostMortem
from incidents.triage.store import OPEN


@dataclass(frozen=True, slots=True)
class IncidentWaiting:
    """An incident as its next step is asked of it, and whether anybody has written a lesson or a post-mortem."""

    incident: Incident
    has_lesson: bool
    has_post_mortem: bool


_SHOWN = ("title", "priority", "status")
_STEP_READS = ("detected_at", "diagnosed_at", "recurrences", "recurrence_confirmed")
_CONTROL_SHOWN = ("title", "state", "state_reason", "due_on", "incident__priority")


def incidents_waiting(*, limit: int) -> list[IncidentWaiting]:
    """Real incidents with a next step, the gravest and newest first (index triage_incident_waiting). One that was put
    off asks for nothing until it wakes. One query.
    """
    rows = Incident.objects.filter(
        synthetic=False, hidden=False, snoozed_at__isnull=True, status__in=(*OPEN, Incident.Status.PREVENTED)
    )
    # The first row of each, not Exists: PostgreSQL would hash every lesson there is for the few that are shown.
    found = rows.only(*_SHOWN, *_STEP_READS).annotate(
        lesson=Subquery(Lesson.objects.filter(incident=OuterRef("pk")).order_by().values("pk")[:1]),
        post_mortem=Subquery(PostMortem.objects.filter(incident=OuterRef("pk")).order_by().values("pk")[:1]),
    )
    return [
        IncidentWaiting(row, row.lesson is not None, row.post_mortem is not None)
        for row in found.order_by("priority", "-last_seen")[:limit]
    ]


def controls_failing(*, now: datetime, limit: int) -> QuerySet[Control]:
    """Controls that prevent nothing any more, or were never proven by their day, with their incidents' priority
    (index lessons_control_failing), the longest first. While a waiver lets a stale or broken one count, it is not among
    them; from the second on at which it ends, it is.
    """
    states = (Control.State.BROKEN, Control.State.INEFFECTIVE, Control.State.STALE)
    waived = waivers_counting(now).filter(control_id=OuterRef("pk"))
    late = awaited_past(now.date())
    rows = Control.objects.filter(Q(state__in=states) | late, incident__synthetic=False)
    rows = rows.select_related("incident").only(*_CONTROL_SHOWN)
    return rows.filter(Q(state=Control.State.INEFFECTIVE) | late | ~Exists(waived)).order_by("state_at")[:limit]
