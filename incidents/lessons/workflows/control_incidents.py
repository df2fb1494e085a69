"""A control that breaks opens an incident of its own: what was fixed is broken again, before a user has met it.

It goes through capture like everybody's errors (component `controls.CTL-7`, one group a control), so it has a first
event, a clock, a place in every list and count, and one open incident at a time: breaking again is counted there, and
reopens it once it was closed. The class is `system.recovery` (“what was to mend a failure failed itself”): the fix has
come undone, while the failure itself has not been seen; under the failure's own class the playbook and the trends would
count an occurrence that nobody had.

Its priority is that of the incident that the control guards, as a proposal: no user has been hit yet, so it is a person
who makes a P0 of it. Until then it blocks a GO and a PROCEED and cancels no pilot; nothing is hidden by that, for the
gate that rests on the control is red with the break itself. People hear of the break (`control.broken`), and not of
the incident once more.
"""

from dataclasses import replace
from typing import Any

from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.native import envelope_capture
from incidents.errors.workflows import errors_commit
from incidents.errors.workflows.storing import keys
from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.workflows.states import control_lock
from incidents.triage.models import Incident
from incidents.triage.services.response import is_grave
from incidents.triage.workflows import incident_lock, incident_number, incident_propose_priority, timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ErrorClass, ErrorEnvelope, ErrorSeverity
from readiness.infra.redaction import scrub, text_scrub
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional

_ACTOR = Actor(kind="system", name="control watch")
CHECKS_NAMED = 20


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_broken_handle(txn: SingleConnectionTxn, *, key: str, payload: dict[str, Any]) -> None:
    """Handler of `control.broken`: opens the incident of a control that is broken, or says there that it holds again.

    A control that was mended before this came to be delivered opens nothing: its timeline has both.
    """
    control = store.control_find(int(payload["control_id"]))
    if control is None:
        return
    if payload["after"] == ControlState.BROKEN:
        if control.state == ControlState.BROKEN:
            _open(txn, control)
    elif control.own_incident_id is not None and control.state == ControlState.PROVEN:
        own = incident_lock(txn, control.own_incident_id, merged_too=True)
        text = f"{control.public_id} is proven again: {control.state_reason} {_closing_words(own)}"
        timeline_add(incident=own, kind="control-proven", text=text, actor=_ACTOR)


def _closing_words(own: Incident) -> str:
    """A grave one asks for what happened, too: that its guard broke in CI is a lesson of its own."""
    if is_grave(own.priority):
        return "What let it break is still to be written down before this incident may be closed."
    return "This incident may be closed."


def _open(txn: SingleConnectionTxn, control: Control) -> None:
    stored = errors_commit(errors=[_error(control)])[0]
    own = incident_lock(txn, incident_number(str(stored.incident)), merged_too=True)
    guarded = control.incident
    if own.component == _component(control):  # merged into another, it is as grave as that one's own errors
        why = f"it is that of {guarded.public_id}, which {control.public_id} guards; nobody was hit by this one yet."
        incident_propose_priority(incident_id=own.pk, priority=guarded.priority, why=why, actor=_ACTOR)
    row = control_lock(txn, control.pk)
    row.own_incident = own
    row.save(update_fields=["own_incident"])
    what = f"{control.public_id} “{control.title}”"
    timeline_add(
        incident=own, kind="control-broken", actor=_ACTOR,
        text=f"{what}, which keeps {guarded.public_id} “{guarded.title}” from happening again, is broken. "
        f"{control.state_reason}",
    )  # fmt: skip
    if own.pk != guarded.pk:
        _link(guarded, own, what)


def _link(guarded: Incident, own: Incident, what: str) -> None:
    text = f"{what} is broken: {own.public_id} is its incident."
    timeline_add(incident=guarded, kind="control-incident", text=text, actor=_ACTOR)


def _component(control: Control) -> str:
    return f"controls.{control.public_id}"


def _error(control: Control) -> CapturedError:
    """The breaking as an error of the control's project. Its message is the same each time: it is what groups it."""
    progress = store.control_progress(control)
    context = {
        "control": control.public_id,
        "incident": control.incident.public_id,
        "commit": progress.failing_commit,
        "command": control.command,
        "checks": sorted(progress.failing_checks)[:CHECKS_NAMED],
    }
    envelope = ErrorEnvelope.create(
        layer="L5",
        component=_component(control),
        error_class=ErrorClass.SYSTEM_RECOVERY,
        severity=ErrorSeverity.ERROR,
        message=f"{control.public_id} is broken: it fails on the main ref.",
        context=scrub(context),
        environment="ci",
    )
    # Runs are reported under a key of the founders', never under a public one.
    origin = Origin(control.project_id, trusted=True, synthetic=control.incident.synthetic, told=True)
    captured = envelope_capture(envelope=envelope, origin=origin, keys=keys(), received_at=utcnow())
    return replace(captured, title=text_scrub(f"{control.public_id} “{control.title}” is broken")[:250])
