"""What the home page shows of incidents and controls that wait for a person."""

from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.workflows.closing import closing_evaluate
from incidents.lessons.workflows.reading.steps import next_step_of
from readiness.infra.transactions import Session, TransactionIntent, transactional

NEEDS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class NeedsPerson:
    """One thing that waits for a person. `incident` is `INC-12`, `control` `CTL-7` or empty; `code` a NextStep's, or
    the state of a control that prevents nothing any more (broken, stale, ineffective).
    """

    incident: str
    control: str
    priority: str
    title: str
    code: str
    text: str


@transactional(TransactionIntent.READ_ONLY)
def incidents_needing_a_person(session: Session, *, limit: int = NEEDS_SHOWN) -> list[NeedsPerson]:
    """The gravest first: open incidents with their next step, and controls that no longer hold. Four queries."""
    incidents = list(store.incidents_waiting(limit=limit))
    ids = [incident.pk for incident in incidents]
    controls, learnt = store.controls_of_incidents(ids), store.lessons_of_incidents(ids)
    found = []
    for incident in incidents:
        mine = controls.get(incident.pk, [])
        closing = closing_evaluate(incident, has_lesson=incident.pk in learnt, controls=mine)
        step = next_step_of(incident, has_controls=bool(mine), closing=closing)
        found.append(NeedsPerson(incident.public_id, "", incident.priority, incident.title, step.code, step.text))
    for control in store.controls_failing(limit=limit):
        incident = control.incident
        found.append(
            NeedsPerson(
                incident.public_id, control.public_id, incident.priority, control.title, control.state,
                control.state_reason,
            )
        )  # fmt: skip
    return sorted(found, key=lambda item: item.priority)[:limit]
