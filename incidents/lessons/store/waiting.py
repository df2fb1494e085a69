"""What needs a person: incidents with a next step, and controls that no longer hold."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.lessons.models import Control
from incidents.lessons.store.due import awaited_past
from incidents.lessons.store.waivers import waivers_counting
from incidents.triage.models import Incident
from incidents.triage.store import OPEN


def incidents_waiting(*, limit: int) -> QuerySet[Incident]:
    """Real incidents with a next step, the gravest and newest first (index triage_incident_priority). One that was put
    off asks for nothing until it wakes.
    """
    rows = Incident.objects.filter(
        synthetic=False, hidden=False, snoozed_at__isnull=True, status__in=(*OPEN, Incident.Status.PREVENTED)
    )
    return rows.order_by("priority", "-last_seen")[:limit]


def controls_failing(*, now: datetime, limit: int) -> QuerySet[Control]:
    """Controls that prevent nothing any more, or were never proven by their day, with their incidents (indexes
    lessons_control_state, lessons_control_awaited). While a waiver lets a stale or broken one count, it is not among
    them; from the second on at which it ends, it is.
    """
    states = (Control.State.BROKEN, Control.State.INEFFECTIVE, Control.State.STALE)
    waived = waivers_counting(now).filter(control_id=OuterRef("pk"))
    late = awaited_past(now.date())
    rows = Control.objects.filter(Q(state__in=states) | late, incident__synthetic=False).select_related("incident")
    return rows.filter(Q(state=Control.State.INEFFECTIVE) | late | ~Exists(waived)).order_by("state_at")[:limit]
