"""The moves that a person makes with an incident."""

from dataclasses import dataclass

from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.workflows.recording import recurrence_tell
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class IncidentRef:
    """What a move hands back: the incident's number and where it stands now."""

    incident_id: int
    status: str


def incident_number(public_id: str) -> int:
    """12 of `INC-12`. Raises NotFound for anything else."""
    digits = public_id.upper().removeprefix("INC-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        raise NotFound(f"{public_id[:40]!r} is no incident; they are called INC-1, INC-2 and so on.")
    return int(digits)


def incident_lock(txn: SingleConnectionTxn, incident_id: int, *, merged_too: bool = False) -> Incident:
    """The incident's row, locked. Raises NotFound, and Conflict for one that was merged into another: it is frozen."""
    try:
        incident = txn.lock_row(Incident, pk=incident_id)
    except Incident.DoesNotExist as missing:
        raise NotFound(f"There is no INC-{incident_id}.") from missing
    if incident.merged_into_id is not None and not merged_too:
        raise Conflict(f"INC-{incident_id} was merged into INC-{incident.merged_into_id}; do it there.")
    return incident


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_acknowledge(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor) -> IncidentRef:
    """Somebody has it: they become its owner. Raises Conflict when another already has."""
    incident = incident_lock(txn, incident_id)
    if incident.acknowledged_at is not None:
        who = "you" if incident.owner == actor.name else incident.owner or "somebody"
        raise Conflict(f"{incident.public_id} was acknowledged by {who} already.")
    now = utcnow()
    incident.acknowledged_at, incident.owner = now, actor.name
    if incident.status in (Incident.Status.DETECTED, Incident.Status.RECURRED):
        incident.status = Incident.Status.ACKNOWLEDGED
    incident.save(update_fields=["acknowledged_at", "owner", "status"])
    store.timeline_append(incident=incident, at=now, kind="acknowledged", text=f"{actor} took it.", actor=actor.name)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_set_priority(txn: SingleConnectionTxn, *, incident_id: int, priority: str, actor: Actor) -> IncidentRef:
    """A person confirms or corrects the proposed priority. Raises Invalid."""
    if priority not in Incident.Priority.values:
        raise Invalid(
            f"{priority[:20]!r} is no priority; choose P0, P1, P2 or P3.", errors=[FieldError("/priority", "P0 to P3.")]
        )
    incident = incident_lock(txn, incident_id)
    before = incident.priority
    incident.priority, incident.priority_confirmed = priority, True
    incident.save(update_fields=["priority", "priority_confirmed"])
    text = f"{priority} confirmed." if before == priority else f"{before} → {priority}."
    store.timeline_append(incident=incident, at=utcnow(), kind="priority", text=text, actor=actor.name)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_note(txn: SingleConnectionTxn, *, incident_id: int, text: str, actor: Actor) -> IncidentRef:
    """A person's note on the timeline. Raises Invalid when it says nothing."""
    said = text.strip()
    if not said:
        raise Invalid(
            "A note without text was not kept; write what you saw.", errors=[FieldError("/text", "Write something.")]
        )
    incident = incident_lock(txn, incident_id)
    store.timeline_append(incident=incident, at=utcnow(), kind="note", text=said, actor=actor.name)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_confirm_recurrence(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor) -> IncidentRef:
    """A person confirms a recurrence that came under a public key: now it counts against its controls."""
    incident = incident_lock(txn, incident_id)
    if incident.recurrence_confirmed:
        raise Conflict(f"{incident.public_id} has no recurrence that waits to be confirmed.")
    incident.recurrence_confirmed = True
    incident.save(update_fields=["recurrence_confirmed"])
    store.timeline_append(
        incident=incident,
        at=utcnow(),
        kind="recurrence-confirmed",
        text="The recurrence is confirmed.",
        actor=actor.name,
    )
    recurrence_tell(txn, incident)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_hide_sample(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor) -> IncidentRef:
    """Hide a synthetic sample. Raises Conflict for a real incident: those end by being prevented."""
    incident = incident_lock(txn, incident_id)
    if not incident.synthetic:
        raise Conflict(f"{incident.public_id} is real; it leaves the list by being closed, not by being hidden.")
    incident.hidden = True
    incident.save(update_fields=["hidden"])
    store.timeline_append(
        incident=incident, at=utcnow(), kind="hidden", text="The sample was hidden.", actor=actor.name
    )
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.ATOMIC_WRITE)
def timeline_add(session: Session, *, incident: Incident, kind: str, text: str, actor: Actor) -> None:
    """What an upper subject did, on the incident's timeline, in that subject's own transaction."""
    store.timeline_append(incident=incident, at=utcnow(), kind=kind, text=text, actor=actor.name)
