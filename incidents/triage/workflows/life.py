"""An incident put off and woken, reopened, told of, and a move taken back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.services.life import Move, life_move, reopened_status
from incidents.triage.services.snoozing import AWAKE, Snooze, snooze_plan, snooze_words
from incidents.triage.services.undoing import fields_note, undo_check, undo_fields
from incidents.triage.workflows.merging import incident_seen_again
from incidents.triage.workflows.moves import IncidentRef, said_already, said_checked
from incidents.triage.workflows.revising import incident_lock, incident_lock_seen, move_record
from incidents.triage.workflows.telling import incident_updated_tell
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


def snooze_of(incident: Incident) -> Snooze:
    """What the sleeping incident waits for."""
    return Snooze(incident.snoozed_until, incident.snoozed_occurrences, incident.snoozed_release)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_snooze(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    actor: Actor,
    until: datetime | None = None,
    more: int | None = None,
    next_release: bool = False,
    seen: int | None = None,
) -> IncidentRef:
    """Put it off until a time, `more` occurrences from now on, or a release that is new to it (services.snoozing).

    It leaves the default list and asks for nothing until it wakes. Raises Invalid, Conflict, NotFound.
    """
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    now = utcnow()
    plan = snooze_plan(
        name=incident.public_id,
        priority=incident.priority,
        status=incident.status,
        now=now,
        occurrences=incident.occurrences,
        release=incident.last_release,
        until=until,
        more=more,
        next_release=next_release,
    )
    fields = {
        "snoozed_at": now,
        "snoozed_until": plan.until,
        "snoozed_occurrences": plan.occurrences,
        "snoozed_release": plan.release,
    }
    text = f"Snoozed by {actor} {snooze_words(plan)}."
    move_record(incident=incident, kind="snoozed", text=text, actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_wake(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None) -> IncidentRef:
    """Wake it before its time. Raises Conflict where it is awake."""
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    if incident.snoozed_at is None:
        raise Conflict(f"{incident.public_id} is awake already; nothing was changed.")
    fields = {**AWAKE, "update_from": utcnow()}
    move_record(incident=incident, kind="woken", text=f"Woken by {actor}.", actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_reopen(
    txn: SingleConnectionTxn, *, incident_id: int, reason: str, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """It is not over after all: a person says why. No recurrence is counted; its controls keep their state. What was
    named as the fix was none: its release would make a recurrence of what nobody has mended yet.

    Raises Conflict for an open one, Invalid without a reason.
    """
    said = said_checked(reason, what="A reopening", why="say why it is not over", field="reason")
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    life_move(name=incident.public_id, status=incident.status, move=Move.REOPEN)
    now = utcnow()
    fields: dict[str, object] = {
        "status": reopened_status(diagnosed=incident.diagnosed_at is not None),
        "prevented_at": None,
        "closed_at": None,
        "fixed_in_release": "",
        "update_from": now,
        **AWAKE,
    }
    if incident.acknowledged_at is None:
        fields |= {"acknowledged_at": now, "owner": actor.name[:254], "owner_id": actor.id}
    move_record(incident=incident, kind="reopened", text=f"Reopened by {actor}: {said}", actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_update(txn: SingleConnectionTxn, *, incident_id: int, text: str, actor: Actor) -> IncidentRef:
    """How it stands, for everybody (requirement 347): told by a notice, and on the timeline apart from notes; the next
    one's hour begins.

    Two people's updates are both kept, so none is asked what it saw. Raises Invalid without a text.
    """
    said = said_checked(text, what="An update", why="write how it stands now")
    incident = incident_lock(txn, incident_id)
    if said_already(incident, kind="update", said=said, actor=actor):
        return IncidentRef(incident.pk, incident.status)
    now = utcnow()
    incident.update_from, incident.reminded_at = now, None
    incident.save(update_fields=["update_from", "reminded_at"])
    entry = store.timeline_append(incident=incident, at=now, kind="update", text=said, actor=actor.name)
    incident_updated_tell(txn, incident, entry)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_undo(
    txn: SingleConnectionTxn, *, incident_id: int, move_id: int, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """Take a move back within ten minutes: what it changed is as before it, and both stand on the timeline.

    Raises Conflict: too late, undone already, or something was built on it since; it says what to do instead.
    """
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    move = store.move_find(move_id, incident_id=incident.pk)
    if move is None:
        raise NotFound(f"{incident.public_id} has no such move; its timeline lists what was done.")
    undo_check(
        name=incident.public_id, kind=move.kind, at=move.at, undone=hasattr(move, "undone_by"), now=utcnow()
    )  # fmt: skip
    if move.kind == "reopened":
        _must_not_have_come_back(incident, move.before)
    present = fields_note({name: getattr(incident, name) for name in move.after})
    fields = undo_fields(name=incident.public_id, before=move.before, after=move.after, present=present)
    text = f"{actor} took back: {move.text}"
    move_record(incident=incident, kind="undone", text=text, actor=actor, fields=fields, undoes=move)
    return IncidentRef(incident.pk, incident.status)


def _must_not_have_come_back(incident: Incident, before: Mapping[str, Any]) -> None:
    """Raises Conflict where it has happened since it was reopened: undone, it would be over although it came back."""
    was = {name: before[name] for name in ("status", "fixed_in_release")}
    times = {name: before[name] and datetime.fromisoformat(before[name]) for name in ("prevented_at", "closed_at")}
    ended = Incident(pk=incident.pk, project_id=incident.project_id, **was, **times)
    if (why := incident_seen_again(ended, store.release_times(incident.pk))) is not None:
        raise Conflict(
            f"Nothing was undone: {incident.public_id} has happened since it was over{f', {why}' if why else ''}. "
            "Find out why, and mark it prevented or closed then."
        )
