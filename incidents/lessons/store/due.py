"""The queries of controls whose run is due, and of all that stand guard over a project."""

from datetime import date, datetime

from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When

from incidents.lessons.models import Control
from incidents.lessons.services.control_state import AWAITED

ASK_BATCH = 500
_RUN_AGAIN = (Control.State.PROVEN, Control.State.STALE, Control.State.BROKEN)


def controls_to_ask(now: datetime) -> list[int]:
    """Ids of the controls whose run has to be asked for now, the most pressing first (index lessons_control_ask)."""
    rows = Control.objects.filter(ask_at__lte=now).order_by("ask_at")
    return list(rows.values_list("pk", flat=True)[:ASK_BATCH])


def awaited_past(today: date) -> Q:
    """Controls whose day has passed before they were ever proven (services.prevention.control_is_overdue; index
    lessons_control_awaited).
    """
    return Q(state__in=[state.value for state in AWAITED], due_on__lt=today)


def controls_past_their_day(today: date) -> list[int]:
    """Ids of the real ones of which nobody was told yet, the longest overdue first."""
    rows = Control.objects.filter(awaited_past(today), incident__synthetic=False).exclude(overdue_told=F("due_on"))
    return list(rows.order_by("due_on", "pk").values_list("pk", flat=True)[:ASK_BATCH])


def controls_due_listed(*, project_id: int | None, now: datetime, limit: int) -> list[Control]:
    """Real controls that a pass on main would mend, and those whose run was or has to be asked for, the longest due
    first.
    """
    rows = _guarding(project_id).filter(state__in=_RUN_AGAIN, pass_due_at__isnull=False)
    waits = Q(state=Control.State.PROVEN, ask_at__gt=now)
    return list(rows.exclude(waits).order_by("pass_due_at", "pk")[:limit])


def controls_guarding(*, project_id: int | None, limit: int) -> list[Control]:
    """A project's checks and rules (of every project where it is None), those that do not hold first."""
    proven = Case(When(state=Control.State.PROVEN, then=Value(1)), default=Value(0), output_field=IntegerField())
    return list(_guarding(project_id).order_by(proven, "pass_due_at", "pk")[:limit])


def _guarding(project_id: int | None) -> QuerySet[Control]:
    rows = Control.objects.filter(incident__synthetic=False).exclude(kind=Control.Kind.PLAYBOOK)
    rows = rows.select_related("incident")
    return rows if project_id is None else rows.filter(project_id=project_id)
