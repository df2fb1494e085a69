"""What is not prevented: controls that prove nothing (yet, or any more), and incidents without any."""

from datetime import date

from django.db.models import Count

from incidents.lessons.models import Control
from incidents.lessons.store.controls import incidents_uncontrolled
from incidents.lessons.store.due import awaited_past
from incidents.triage.models import Incident

HOLDING = (Control.State.PROVEN, Control.State.RECORDED)
COUNTED_UP_TO = 1_000


def controls_not_holding(today: date) -> dict[str, tuple[int, int]]:
    """state → (controls of real incidents that do not hold, of those past the day to be proven by). One query."""
    rows = Control.objects.exclude(state__in=HOLDING).filter(incident__synthetic=False, incident__hidden=False)
    late = Count("pk", filter=awaited_past(today))
    counted = rows.values_list("state").annotate(total=Count("pk"), late=late).order_by()
    return {state: (total, overdue) for state, total, overdue in counted}


def incidents_without_control() -> int:
    """Real incidents, open or resolved, that nothing keeps from happening again: COUNTED_UP_TO at the most."""
    rows = Incident.objects.filter(synthetic=False, hidden=False, merged_into__isnull=True)
    return incidents_uncontrolled(rows).order_by().values("pk")[:COUNTED_UP_TO].count()
