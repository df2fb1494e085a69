"""Waivers, given and taken back by people under their own names."""

from datetime import datetime

from incidents.lessons import store
from incidents.lessons.models import Waiver, WaiverRevocation
from incidents.lessons.services.control_state import ControlKind, ControlState
from incidents.lessons.services.waivers import MAX_REASON, waiver_draft, waiver_may_be_given
from incidents.lessons.workflows.states import control_lock, control_verdict
from incidents.triage.models import Incident
from incidents.triage.services.response import is_grave
from incidents.triage.workflows import incident_lock, timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, Forbidden, Invalid, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional

# What a waiver may cover: a control that was proven once. One that never was, or was refuted, has nothing to count on.
_COVERED = (ControlState.STALE, ControlState.BROKEN)


def waiver_number(public_id: str) -> int:
    """3 of `WVR-3`. Raises NotFound for anything else."""
    digits = public_id.upper().removeprefix("WVR-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        raise NotFound(f"{public_id[:40]!r} is no waiver; they are called WVR-1, WVR-2 and so on.")
    return int(digits)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_waive(
    txn: SingleConnectionTxn, *, incident_id: int, reason: str, expires_at: datetime | None, actor: Actor, role: str
) -> Waiver:
    """Let the incident close without a proven control until `expires_at`. The giver is the actor, in the `role` that
    they have. Raises Forbidden, Invalid, NotFound, Conflict.
    """
    incident = incident_lock(txn, incident_id)
    return _give(incident, kind=Waiver.Kind.CLOSE, reason=reason, expires_at=expires_at, actor=actor, role=role)


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_waive(
    txn: SingleConnectionTxn, *, control_id: int, reason: str, expires_at: datetime | None, actor: Actor, role: str
) -> Waiver:
    """Let the control count while it is stale or broken, until `expires_at`. Raises Forbidden, Invalid, NotFound, and
    Conflict for a control that was never proven, or was refuted.
    """
    control = control_lock(txn, control_id)
    state = control_verdict(control, now=utcnow()).state
    if control.kind == ControlKind.PLAYBOOK or state not in _COVERED:
        raise Conflict(
            f"{control.public_id} is {state.replace('_', ' ')}: a waiver covers a control that was proven once and is "
            "stale or broken now. Nothing was given."
        )
    return _give(
        control.incident, kind=Waiver.Kind.COUNT, reason=reason, expires_at=expires_at, actor=actor, role=role,
        control_id=control.pk,
    )  # fmt: skip


def _give(
    incident: Incident,
    *,
    kind: Waiver.Kind,
    reason: str,
    expires_at: datetime | None,
    actor: Actor,
    role: str,
    control_id: int | None = None,
) -> Waiver:
    if actor.kind != "person":
        raise Forbidden("A waiver is given by a person who signed in: it stands under their name.")
    now = utcnow()
    text = waiver_draft(reason=reason, expires_at=expires_at, priority=incident.priority, role=role, now=now)
    same = store.waiver_standing(
        incident_id=incident.pk, kind=kind.value, control_id=control_id, reason=text, expires_at=expires_at,
        given_by=actor.name,
    )  # fmt: skip
    if same is not None:  # the form was sent twice
        return same
    given = store.waiver_insert(
        project_id=incident.project_id,
        kind=kind.value,
        incident=incident,
        control_id=control_id,
        reason=text,
        given_by=actor.name,
        given_role=role,
        given_at=now,
        expires_at=expires_at,
    )
    what = f"CTL-{control_id} counts although stale or broken" if control_id else "may close without a proven control"
    said = f"{given.public_id}: {what}, until {given.expires_at:%Y-%m-%d %H:%M} UTC. {text[:1000]}"
    timeline_add(incident=incident, kind="waiver", text=said, actor=actor)
    return given


@transactional(TransactionIntent.LOCKED_MUTATION)
def waiver_revoke(
    txn: SingleConnectionTxn, *, waiver_id: int, actor: Actor, role: str, reason: str = ""
) -> WaiverRevocation:
    """It counts for nothing from now on. Raises NotFound, Conflict (revoked or ended already), Forbidden, Invalid."""
    waiver = store.waiver_find(waiver_id)
    if waiver is None:
        raise NotFound(f"There is no WVR-{waiver_id}. Waivers stand on the page of their incident.")
    incident = incident_lock(txn, waiver.incident_id, merged_too=True)
    waiver = store.waiver_find(waiver_id) or waiver  # as it is under the lock
    if not waiver_may_be_given(priority=incident.priority, role=role):
        who = "a founder" if is_grave(incident.priority) else "a founder or an engineer"
        raise Forbidden(f"{waiver.public_id} of a {incident.priority} incident is revoked by {who}.")
    now, reason = utcnow(), reason.strip()
    if len(reason) > MAX_REASON or "\0" in reason:
        detail = f"Plain text of at most {MAX_REASON} characters."
        raise Invalid(f"Nothing was revoked: {detail}", errors=[FieldError("/reason", detail)])
    fact = store.waiver_fact(waiver)
    if fact.revoked_at is not None or waiver.expires_at <= now:
        how = "revoked" if fact.revoked_at is not None else "over"
        raise Conflict(f"{waiver.public_id} is {how} already: it counts for nothing.")
    revoked = store.waiver_revocation_insert(
        project_id=waiver.project_id, waiver=waiver, reason=reason, revoked_by=actor.name, revoked_at=now
    )
    text = f"{waiver.public_id} was revoked{f': {reason}' if reason else ''}. It counts for nothing from now on."
    timeline_add(incident=incident, kind="waiver-revoked", text=text, actor=actor)
    return revoked
