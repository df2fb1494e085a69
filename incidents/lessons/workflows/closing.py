"""Prevented, closed: refused, with the reason, until DESIGN's rule holds."""

from collections.abc import Sequence
from functools import partial

from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.closing import ClosingVerdict, ControlFact, incident_closing_evaluate
from incidents.lessons.services.control_state import ControlKind, ControlState
from incidents.lessons.services.fixes import fix_choose
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
    incident: Incident | store.IncidentWaiting,
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


def _rule_must_hold(incident: Incident, *, what: str, controls: list[Control]) -> str:
    """What the timeline says beside the move: the waivers without which it would be refused, if any."""
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


def _fix(incident: Incident, given: str, controls: list[Control]) -> str:
    now = utcnow()
    proven = [control for control in controls if control_verdict(control, now=now).state is ControlState.PROVEN]
    progresses = [store.control_progress(control) for control in proven]
    return fix_choose(given=given, before=incident.fixed_in_release, progresses=progresses)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_prevent(
    txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None, fixed_in_release: str = ""
) -> IncidentRef:
    """Mark it prevented: from here on the same error in a release that is not older than the fix is a recurrence.

    `fixed_in_release` names the release that has the fix; without it, a release of the commit on which the control was
    proven counts as it (triage.services.recurrence). Raises Conflict, Invalid, NotFound.
    """
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    status = life_move(name=incident.public_id, status=incident.status, move=Move.PREVENT)
    controls = list(store.controls_of_incident(incident.pk))
    waived = _rule_must_hold(incident, what="prevented", controls=controls)
    fix = _fix(incident, fixed_in_release, controls)
    fields = {"status": status, "prevented_at": utcnow(), "fixed_in_release": fix, **AWAKE}
    text = f"Marked prevented{f', fixed in {fix}' if fix else ''}.{waived}"
    move_record(incident=incident, kind="prevented", text=text, actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_close(
    txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None, fixed_in_release: str = ""
) -> IncidentRef:
    """Close it, marked prevented or not; `fixed_in_release` as for incident_prevent, and what was named there stays.

    Raises Conflict (closed already, or the rule does not hold), Invalid, NotFound.
    """
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    status = life_move(name=incident.public_id, status=incident.status, move=Move.CLOSE)
    controls = list(store.controls_of_incident(incident.pk))
    waived = _rule_must_hold(incident, what="closed", controls=controls)
    fix, now = _fix(incident, fixed_in_release, controls), utcnow()
    ended = {"closed_at": now, "prevented_at": incident.prevented_at or now, "fixed_in_release": fix}
    fields = {"status": status, **ended, **AWAKE}
    move_record(incident=incident, kind="closed", text=f"Closed.{waived}", actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)
