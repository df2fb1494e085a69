"""What needs a person: incidents with a next step, and controls that no longer hold."""

from django.db.models import QuerySet

from incidents.lessons.models import Control
from incidents.triage.models import Incident
from incidents.triage.store import OPEN


def incidents_waiting(*, limit: int) -> QuerySet[Incident]:
    """Real incidents with a next step, the gravest and newest first (index triage_incident_priority)."""
    rows = Incident.objects.filter(synthetic=False, hidden=False, status__in=(*OPEN, Incident.Status.PREVENTED))
    return rows.order_by("priority", "-last_seen")[:limit]


def controls_failing(*, limit: int) -> QuerySet[Control]:
    """Controls that prevent nothing any more, with their incidents (index lessons_control_state)."""
    states = (Control.State.BROKEN, Control.State.INEFFECTIVE, Control.State.STALE)
    rows = Control.objects.filter(state__in=states, incident__synthetic=False).select_related("incident")
    return rows.order_by("state_at")[:limit]
