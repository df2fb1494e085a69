"""What is asked of incidents and controls before users arrive."""

from datetime import date

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from incidents.lessons.models import Control
from incidents.lessons.store.controls import incidents_uncontrolled
from incidents.lessons.store.due import awaited_past
from incidents.triage.models import Incident
from incidents.triage.services.ops_risks import REFS_NAMED
from incidents.triage.store import OPEN

_GRAVEST_FIRST = (Control.State.INEFFECTIVE, Control.State.BROKEN, Control.State.STALE)


def _uncontrolled(project_id: int | None) -> QuerySet[Incident]:
    rows = Incident.objects.filter(synthetic=False, status__in=OPEN, merged_into__isnull=True)
    rows = incidents_uncontrolled(rows)
    return rows if project_id is None else rows.filter(project_id=project_id)


def uncontrolled_counts(*, project_id: int | None) -> dict[str, int]:
    """priority → real open incidents without any control (index triage_incident_status)."""
    return dict(_uncontrolled(project_id).values_list("priority").annotate(total=Count("pk")).order_by())


def uncontrolled_refs(*, project_id: int | None, limit: int = REFS_NAMED) -> list[str]:
    """Some of them, the gravest and newest first (index triage_incident_priority)."""
    rows = _uncontrolled(project_id).order_by("priority", "-pk").values_list("pk", flat=True)
    return [f"INC-{pk}" for pk in rows[:limit]]


def controls_not_holding(*, project_id: int | None, today: date, limit: int) -> list[Control]:
    """Controls that are ineffective, broken, stale, or past the day by which they were to be proven, in that order,
    with their incidents. A waiver makes none of them hold: waived ones are among them (indexes lessons_control_state,
    lessons_control_awaited).
    """
    order = Case(
        *(When(state=state, then=Value(place)) for place, state in enumerate(_GRAVEST_FIRST)),
        default=Value(len(_GRAVEST_FIRST)),
        output_field=IntegerField(),
    )
    rows = Control.objects.filter(Q(state__in=_GRAVEST_FIRST) | awaited_past(today), incident__synthetic=False)
    rows = rows.select_related("incident")
    if project_id is not None:
        rows = rows.filter(project_id=project_id)
    return list(rows.order_by(order, "state_at", "pk")[:limit])
