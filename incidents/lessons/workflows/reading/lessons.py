"""What the list of lessons shows of each: its controls as they stand now, and by whose waiver it counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.models import Lesson
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.services.waivers import COVERED, WaiverFact, waiver_counts
from incidents.lessons.workflows.shown import ControlShown, controls_shown
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class LessonShown:
    """`proven`: a check or rule of its incident is; `waivers`: those by which it counts although none is."""

    lesson: Lesson
    controls: Sequence[ControlShown]
    proven: bool
    waivers: Sequence[WaiverFact]


@transactional(TransactionIntent.READ_ONLY)
def lessons_shown_read(session: Session, *, lessons: Sequence[Lesson]) -> list[LessonShown]:
    """A page of lessons (their incidents selected) with what proves them. Two queries, however many."""
    now = utcnow()
    ids = [lesson.incident_id for lesson in lessons]
    controls, given = store.controls_of_incidents(ids), store.waivers_of_incidents(ids)
    found = []
    for lesson in lessons:
        mine = controls_shown(
            controls.get(lesson.incident_id, []), runs={}, now=now, has_broken_commit=True, waivers=()
        )
        proven = any(shown.verdict.state is ControlState.PROVEN for shown in mine)
        covered = {shown.control.public_id for shown in mine if shown.verdict.state in COVERED}
        counting = [
            fact
            for fact in given.get(lesson.incident_id, [])
            if waiver_counts(waiver=fact, priority=lesson.incident.priority, now=now)
            and (not fact.control or fact.control in covered)
        ]
        found.append(LessonShown(lesson, mine, proven, [] if proven else counting))
    return found
