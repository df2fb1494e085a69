"""What first contact has shown: the queries behind the exit criteria of phase S (requirements 61-64).

Real: neither synthetic, nor a hidden sample, nor merged into another, nor an error of the console itself (project 0):
no user met that. Each query is one index walk that ends at its first row.
"""

from django.db.models import QuerySet

from incidents.lessons.models import Control
from incidents.lessons.services.control_state import ControlKind, ControlState
from incidents.triage.models import Incident
from readiness.tenants.models import INSTALLATION_PROJECT_ID

_PREVENTED = (Incident.Status.PREVENTED, Incident.Status.CLOSED)


def _real(project_id: int | None) -> QuerySet[Incident]:
    rows = Incident.objects.filter(synthetic=False, hidden=False, merged_into__isnull=True)
    if project_id is None:
        return rows.exclude(project_id=INSTALLATION_PROJECT_ID)
    return rows.filter(project_id=project_id)


def first_real_incident(*, project_id: int | None = None) -> Incident | None:
    return _real(project_id).order_by("pk").first()


def last_diagnosed_incident(*, project_id: int | None = None) -> Incident | None:
    """The real incident whose clock stopped last (index triage_incident_took)."""
    return _real(project_id).filter(diagnosed_at__isnull=False).order_by("-diagnosed_at").first()


def prevention_that_holds(*, project_id: int | None = None) -> Control | None:
    """The newest proven check or rule of a real incident that is prevented or closed (index lessons_control_state)."""
    rows = Control.objects.filter(state=ControlState.PROVEN.value).exclude(kind=ControlKind.PLAYBOOK.value)
    return rows.filter(incident__in=_real(project_id).filter(status__in=_PREVENTED)).order_by("-pk").first()
