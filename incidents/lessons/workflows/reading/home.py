"""What the home page shows of incidents and controls that wait for a person."""

from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.services.control_state import AWAITED
from incidents.lessons.workflows.closing import closing_evaluate
from incidents.lessons.workflows.reading.steps import next_step_of
from incidents.triage.models import Incident
from incidents.triage.services.clock import DiagnosisClock, diagnosis_clock
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

NEEDS_SHOWN = 20
UNDIAGNOSED = ("detected", "acknowledged", "recurred")


@dataclass(frozen=True, slots=True)
class NeedsPerson:
    """One thing that waits for a person. `incident` is `INC-12`, `control` `CTL-7` or empty; `code` a NextStep's, the
    state of a control that prevents nothing any more (broken, stale, ineffective), `overdue` of one that was never
    proven by its day, or `waiver_over`. `clock`: of an open incident that nobody has diagnosed.
    """

    incident: str
    control: str
    priority: str
    title: str
    code: str
    text: str
    clock: DiagnosisClock | None = None


@transactional(TransactionIntent.READ_ONLY)
def incidents_needing_a_person(session: Session, *, limit: int = NEEDS_SHOWN) -> list[NeedsPerson]:
    """The gravest first: open incidents with their next step, controls that no longer hold, and what was prevented or
    closed by a waiver that counts no more. Four queries, six once anybody has given a waiver.
    """
    now = utcnow()
    waiting = store.incidents_waiting(limit=limit)
    ids = [incident.pk for incident in waiting]
    controls, waived = store.controls_of_incidents(ids), store.waivers_exist()
    waivers = store.waivers_of_incidents(ids) if waived else {}
    lapsed = {row.pk: row for row in store.incidents_waiver_lapsed(now, limit=limit)} if waived else {}
    found = []
    for incident in waiting:
        if incident.pk in lapsed:
            continue
        mine = controls.get(incident.pk, [])
        closing = closing_evaluate(
            incident,
            has_lesson=incident.has_lesson,
            controls=mine,
            waivers=waivers.get(incident.pk, ()),
            has_post_mortem=incident.status != Incident.Status.PREVENTED or incident.has_post_mortem,
        )
        step = next_step_of(incident, has_controls=bool(mine), closing=closing)
        clock = None
        if incident.status in UNDIAGNOSED and incident.diagnosed_at is None:
            clock = diagnosis_clock(detected_at=incident.detected_at, diagnosed_at=None, now=now)
        found.append(
            NeedsPerson(incident.public_id, "", incident.priority, incident.title, step.code, step.text, clock)
        )
    for control in store.controls_failing(now=now, limit=limit, waived=waived):
        owner, code, text = control.incident, control.state, control.state_reason
        if code in AWAITED:
            code, text = "overdue", f"It was to be proven by {control.due_on}. {text}"
        found.append(NeedsPerson(owner.public_id, control.public_id, owner.priority, control.title, code, text))
    for over in lapsed.values():
        text = f"It was {over.status} by a waiver, which counts no more: prove a control, or waive it anew."
        found.append(NeedsPerson(over.public_id, "", over.priority, over.title, "waiver_over", text))
    return sorted(found, key=lambda item: item.priority)[:limit]
