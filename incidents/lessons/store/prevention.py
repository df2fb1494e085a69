"""What is not prevented: controls that prove nothing (yet, or any more), and incidents without any."""

from django.db.models import Count

from incidents.lessons.models import Control
from incidents.lessons.store.controls import incidents_uncontrolled
from incidents.triage.models import Incident

HOLDING = (Control.State.PROVEN, Control.State.RECORDED)
COUNTED_UP_TO = 1_000


def controls_not_holding() -> dict[str, int]:
    """state → controls of real incidents that do not hold. One query."""
    rows = Control.objects.exclude(state__in=HOLDING).filter(incident__synthetic=False, incident__hidden=False)
    return dict(rows.values_list("state").annotate(total=Count("pk")).order_by())


def incidents_without_control() -> int:
    """Real incidents, open or resolved, that nothing keeps from happening again: COUNTED_UP_TO at the most."""
    rows = Incident.objects.filter(synthetic=False, hidden=False, merged_into__isnull=True)
    return incidents_uncontrolled(rows).order_by().values("pk")[:COUNTED_UP_TO].count()
