"""Which lessons a control proves: the predicates of the lesson list, its counts and its filter."""

from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from incidents.lessons.models import Control, Lesson
from incidents.lessons.store.waivers import waivers_counting
from readiness.infra.clock import utcnow

CLASSES_OFFERED = 200


def lesson_classes() -> list[str]:
    """The error classes that anything was learnt of, by name."""
    rows = Lesson.objects.order_by("incident__error_class").values_list("incident__error_class", flat=True)
    return list(rows.distinct()[:CLASSES_OFFERED])


def _controls() -> QuerySet[Control]:
    return Control.objects.filter(incident_id=OuterRef("incident_id"))


def _proven(now: datetime) -> Exists:
    """A pass that is overdue proves nothing, also before the beat has written `stale` down."""
    return Exists(_controls().filter(state=Control.State.PROVEN, pass_due_at__gte=now))


def _waived(now: datetime) -> Exists:
    return Exists(waivers_counting(now).filter(incident_id=OuterRef("incident_id")))


def _failing(now: datetime) -> Exists:
    failing = (Control.State.BROKEN, Control.State.STALE, Control.State.INEFFECTIVE)
    overdue = Q(state=Control.State.PROVEN, pass_due_at__lt=now)
    return Exists(_controls().filter(Q(state__in=failing) | overdue))


def lessons_by_proof(rows: QuerySet[Lesson], proof: str) -> QuerySet[Lesson]:
    """Those that are proven, unproven, waived, failing, or have no control (`none`); any other word changes nothing."""
    now = utcnow()
    if proof == "proven":
        return rows.filter(_proven(now))
    if proof == "none":
        return rows.filter(~Exists(_controls()))
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
        proven=Count("pk", filter=Q(_proven(now))),
        waived=Count("pk", filter=Q(_waived(now)) & ~Q(_proven(now))),
    )
    return counted["total"], counted["proven"], counted["waived"]
