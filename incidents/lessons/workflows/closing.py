"""Prevented, closed: refused, with the reason, until DESIGN's rule holds."""

from collections.abc import Sequence
from functools import partial

from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.closing import ClosingVerdict, ControlFact, incident_closing_evaluate
from incidents.lessons.services.control_state import ControlKind
from incidents.lessons.services.waivers import WaiverFact, WaiverKind, waiver_of_kind
from incidents.lessons.workflows.states import control_verdict
from incidents.triage.models import Incident
from incidents.triage.services.life import Move, life_move
from incidents.triage.services.snoozing import AWAKE
from incidents.triage.workflows import IncidentRef, incident_lock_seen, move_record, post_mortem_exists
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


def closing_evaluate(
    incident: Incident,
    *,
    has_lesson: bool,
    controls: list[Control],
    waivers: Sequence[WaiverFact] = (),
    has_post_mortem: bool = True,
) -> ClosingVerdict:
    """The rule over an incident as it stands now; `waivers` are all of it, and those that count now are taken."""
    now = utcnow()
    counting = partial(waiver_of_kind, waivers=waivers, priority=incident.priority, now=now)
    return incident_closing_evaluate(
        priority=incident.priority,
        has_root_cause=incident.diagnosed_at is not None,
        has_lesson=has_lesson,
        recurrences=incident.recurrences,
        controls=[
            ControlFact(
                control.public_id,
                ControlKind(control.kind),
                control_verdict(control, now=now).state,
                counting(kind=WaiverKind.COUNT, control=control.public_id),
            )
            for control in controls
        ],
        waiver=counting(kind=WaiverKind.CLOSE),
        has_post_mortem=has_post_mortem,
    )


def _rule_must_hold(incident: Incident, *, what: str) -> str:
    """What the timeline says beside the move: the waivers without which it would be refused, if any."""
    controls = list(store.controls_of_incident(incident.pk))
    has_lesson = store.lessons_of_incident(incident.pk).exists()
    waivers = store.waivers_of_incidents([incident.pk]).get(incident.pk, [])
    verdict = closing_evaluate(
        incident,
        has_lesson=has_lesson,
        controls=controls,
        waivers=waivers,
        has_post_mortem=what != "closed" or post_mortem_exists(incident_id=incident.pk),
    )
    if not verdict.allowed:
        raise Conflict(
            f"{incident.public_id} is not {what} yet. {verdict.reason}",
            errors=[FieldError(f"/{item.part}", item.text) for item in verdict.missing],
        )
    return f" {verdict.by_waiver}" if verdict.waivers else ""


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_prevent(
    txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """Mark it prevented: from here on the same error in a new release is a recurrence. Raises Conflict, NotFound."""
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    status = life_move(name=incident.public_id, status=incident.status, move=Move.PREVENT)
    waived = _rule_must_hold(incident, what="prevented")
    fields = {"status": status, "prevented_at": utcnow(), **AWAKE}
    move_record(incident=incident, kind="prevented", text=f"Marked prevented.{waived}", actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_close(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None) -> IncidentRef:
    """Close it, marked prevented or not. Raises Conflict (closed already, or the rule does not hold), NotFound."""
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    status = life_move(name=incident.public_id, status=incident.status, move=Move.CLOSE)
    waived = _rule_must_hold(incident, what="closed")
    now = utcnow()
    fields = {"status": status, "closed_at": now, "prevented_at": incident.prevented_at or now, **AWAKE}
    move_record(incident=incident, kind="closed", text=f"Closed.{waived}", actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)
