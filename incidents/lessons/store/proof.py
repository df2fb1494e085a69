"""Which lessons a control proves: the predicates of the lesson list, its counts and its filter."""

from datetime import datetime

from django.db.models import Count, Q, QuerySet

from incidents.lessons.models import Control, Lesson
from incidents.lessons.store.waivers import waivers_counting
from readiness.infra.clock import utcnow

CLASSES_OFFERED = 200


def lesson_classes() -> list[str]:
    """The error classes that anything was learnt of, by name."""
    rows = Lesson.objects.order_by("incident__error_class").values_list("incident__error_class", flat=True)
    return list(rows.distinct()[:CLASSES_OFFERED])


# Sets of incidents, each asked once: correlated, SQLite walks every proven control for every lesson (index
# lessons_control_state looks better to it than the incident's own).
def _proven(now: datetime) -> Q:
    """A pass that is overdue proves nothing, also before the beat has written `stale` down."""
    return _having(Control.objects.filter(state=Control.State.PROVEN, pass_due_at__gte=now))


def _failing(now: datetime) -> Q:
    failing = (Control.State.BROKEN, Control.State.STALE, Control.State.INEFFECTIVE)
    overdue = Q(state=Control.State.PROVEN, pass_due_at__lt=now)
    return _having(Control.objects.filter(Q(state__in=failing) | overdue))


def _waived(now: datetime) -> Q:
    return Q(incident_id__in=waivers_counting(now).order_by().values("incident_id"))


def _having(controls: QuerySet[Control]) -> Q:
    return Q(incident_id__in=controls.order_by().values("incident_id"))


def lessons_by_proof(rows: QuerySet[Lesson], proof: str) -> QuerySet[Lesson]:
    """Those that are proven, unproven, waived, failing, or have no control (`none`); any other word changes nothing."""
    now = utcnow()
    if proof == "proven":
        return rows.filter(_proven(now))
    if proof == "none":
        return rows.filter(~_having(Control.objects.all()))
    if proof == "waived":
        return rows.filter(~_proven(now), _waived(now))
    if proof == "failing":
        return rows.filter(~_proven(now), _failing(now))
    return rows.filter(~_proven(now)) if proof == "unproven" else rows


def lessons_counted(rows: QuerySet[Lesson]) -> tuple[int, int, int]:
    """(how many, proven, not proven but counting by a waiver). One query."""
    now = utcnow()
    counted = rows.order_by().aggregate(
        total=Count("pk"),
        proven=Count("pk", filter=_proven(now)),
        waived=Count("pk", filter=_waived(now) & ~_proven(now)),
    )
    return counted["total"], counted["proven"], counted["waived"]
