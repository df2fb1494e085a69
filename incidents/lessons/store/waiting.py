"""What needs a person: incidents with a next step, and controls that no longer hold."""

from datetime import datetime
from typing import NamedTuple

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from incidents.lessons.models import Control
from incidents.lessons.store.due import awaited_past
from incidents.lessons.store.waivers import waivers_counting
from readiness.infra.vendor_sql import moment_read


class IncidentWaiting(NamedTuple):
    """What the next step of an incident is asked of, and whether anybody has written a lesson or a post-mortem."""

    pk: int
    title: str
    priority: str
    status: str
    recurrences: int
    recurrence_confirmed: bool
    detected_at: datetime
    diagnosed_at: datetime | None
    has_lesson: bool
    has_post_mortem: bool

    @property
    def public_id(self) -> str:
        """`INC-12`."""
        return f"INC-{self.pk}"


# The first lesson of each, not EXISTS: PostgreSQL would hash every one that there is for the few that are shown.
_WAITING = """
SELECT id, title, priority, status, recurrences, recurrence_confirmed, detected_at, diagnosed_at,
       (SELECT id FROM lessons_lesson WHERE incident_id = waiting.id LIMIT 1),
       (SELECT id FROM triage_post_mortem WHERE incident_id = waiting.id LIMIT 1)
FROM triage_incident waiting
WHERE NOT synthetic AND NOT hidden AND snoozed_at IS NULL
  AND status IN ('detected', 'acknowledged', 'diagnosed', 'recurred', 'prevented')
ORDER BY priority, last_seen DESC LIMIT %s
"""
_CONTROL_SHOWN = ("title", "state", "state_reason", "due_on", "incident__priority")


def incidents_waiting(*, limit: int) -> list[IncidentWaiting]:
    """Real incidents with a next step, the gravest and newest first (index triage_incident_waiting). One that was put
    off asks for nothing until it wakes. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [limit])
        return [
            IncidentWaiting._make(
                (*shown, moment_read(detected), moment_read(diagnosed), bool(lesson), bool(post_mortem))
            )
            for *shown, detected, diagnosed, lesson, post_mortem in cursor.fetchall()
        ]


def controls_failing(*, now: datetime, limit: int, waived: bool = True) -> QuerySet[Control]:
    """Controls that prevent nothing any more, or were never proven by their day, with their incidents' priority
    (index lessons_control_failing), the longest first. While a waiver lets a stale or broken one count, it is not among
    them; from the second on at which it ends, it is. `waived` False: nobody ever gave one (waivers_exist).
    """
    states = (Control.State.BROKEN, Control.State.INEFFECTIVE, Control.State.STALE)
    late = awaited_past(now.date())
    rows = Control.objects.filter(Q(state__in=states) | late, incident__synthetic=False)
    if waived:
        counting = waivers_counting(now).filter(control_id=OuterRef("pk"))
        rows = rows.filter(Q(state=Control.State.INEFFECTIVE) | late | ~Exists(counting))
    return rows.select_related("incident").only(*_CONTROL_SHOWN).order_by("state_at")[:limit]
