"""The moves that a person makes with an incident: take it, hand it over, say how grave it is, write a note."""

from dataclasses import dataclass
from datetime import timedelta

from incidents.triage import store
from incidents.triage.models import Incident
from incidents.triage.services.life import Move, life_move
from incidents.triage.services.response import response_of
from incidents.triage.workflows.proposing import priority_fields
from incidents.triage.workflows.recording import recurrence_tell
from incidents.triage.workflows.revising import incident_lock, incident_lock_seen, move_record
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.tenants.models import User
from readiness.tenants.workflows import person_read

MAX_SAID = 4_000  # what the timeline holds of a note
SAID_ONCE_WITHIN = timedelta(minutes=10)


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


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_acknowledge(
    txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """Somebody has it: they become its owner. Raises Conflict when another already has."""
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    if incident.acknowledged_at is not None:
        who = "you" if incident.owner == actor.name else incident.owner or "somebody"
        raise Conflict(f"{incident.public_id} was acknowledged by {who} already. Take it over by handing it over.")
    status = life_move(name=incident.public_id, status=incident.status, move=Move.ACKNOWLEDGE)
    fields = {"acknowledged_at": utcnow(), "status": status, **_owned_by(actor)}
    move_record(incident=incident, kind="acknowledged", text=f"{actor} took it.", actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


def _owned_by(actor: Actor) -> dict[str, object]:
    return {"owner": actor.name[:254], "owner_id": actor.id if actor.kind == "person" else None}


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_assign(
    txn: SingleConnectionTxn, *, incident_id: int, user_id: int | None, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """Hand it to an active person who may act on it, or to nobody (None: it is dropped, and waits to be taken again).

    Assigning is not acknowledging: only the person themselves says that they have it. Raises Invalid, Conflict.
    """
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    if incident.status in store.RESOLVED:
        raise Conflict(f"{incident.public_id} is {incident.status}: nobody has to own it. Reopen it if it is not over.")
    if user_id is None:
        return _drop(incident, actor)
    person = person_read(user_id=user_id)
    if person is None or not person.is_active or person.role == User.Role.VIEWER:
        detail = "Choose an active founder or engineer: a viewer cannot act on it, and who has left does not see it."
        raise Invalid(f"{incident.public_id} was not assigned. {detail}", errors=[FieldError("/owner", detail)])
    if incident.owner_id == person.pk:
        raise Conflict(f"{incident.public_id} is {person}'s already; nothing was changed.")
    before = f" (before: {incident.owner})" if incident.owner else ""
    said = f"{actor} took it over{before}." if person.pk == actor.id else f"Handed to {person} by {actor}{before}."
    fields: dict[str, object] = {"owner": str(person)[:254], "owner_id": person.pk}
    if person.pk == actor.id and incident.acknowledged_at is None:
        status = life_move(name=incident.public_id, status=incident.status, move=Move.ACKNOWLEDGE)
        fields |= {"acknowledged_at": utcnow(), "status": status}
    move_record(incident=incident, kind="owner", text=said, actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


def _drop(incident: Incident, actor: Actor) -> IncidentRef:
    if not incident.owner:
        raise Conflict(f"{incident.public_id} has no owner; nothing was changed.")
    fields: dict[str, object] = {"owner": "", "owner_id": None}
    if incident.status == Incident.Status.ACKNOWLEDGED:
        fields |= {"status": Incident.Status.DETECTED.value, "acknowledged_at": None}
    said = f"{actor} dropped it (before: {incident.owner}): it waits to be taken."
    move_record(incident=incident, kind="owner", text=said, actor=actor, fields=fields)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_set_priority(
    txn: SingleConnectionTxn, *, incident_id: int, priority: str, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """A person confirms or corrects the proposed priority. Raises Invalid."""
    if priority not in Incident.Priority.values:
        raise Invalid(
            f"{priority[:20]!r} is no priority; choose P0, P1, P2 or P3.", errors=[FieldError("/priority", "P0 to P3.")]
        )
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    before = incident.priority
    if before == priority and incident.priority_confirmed:
        raise Conflict(f"{incident.public_id} is {priority} already, confirmed; nothing was changed.")
    fields = {**priority_fields(incident, priority), "priority_confirmed": True}
    text = f"{priority} confirmed." if before == priority else f"{before} → {priority}."
    move_record(
        incident=incident, kind="priority", text=f"{text} {response_of(priority).says}", actor=actor, fields=fields
    )
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_note(txn: SingleConnectionTxn, *, incident_id: int, text: str, actor: Actor) -> IncidentRef:
    """A person's note on the timeline. Raises Invalid when it says nothing."""
    said = said_checked(text, what="A note", why="write what you saw")
    incident = incident_lock(txn, incident_id)
    if not said_already(incident, kind="note", said=said, actor=actor):
        store.timeline_append(incident=incident, at=utcnow(), kind="note", text=said, actor=actor.name)
    return IncidentRef(incident.pk, incident.status)


def said_already(incident: Incident, *, kind: str, said: str, actor: Actor) -> bool:
    """Whether the same person said the same a moment ago: a form that is sent twice says it once."""
    since = utcnow() - SAID_ONCE_WITHIN
    return store.said_since(incident.pk, kind=kind, text=said, actor=actor.name, since=since)


def said_checked(text: str, *, what: str, why: str, field: str = "text") -> str:
    """What a person wrote, trimmed. Raises Invalid for nothing, and for more than the timeline holds."""
    said = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not said:
        raise Invalid(f"{what} without text was not kept; {why}.", errors=[FieldError(f"/{field}", "Write something.")])
    if len(said) > MAX_SAID:
        detail = f"At most {MAX_SAID:,} characters; these are {len(said):,}."
        raise Invalid(f"{what} was not kept. {detail}", errors=[FieldError(f"/{field}", detail)])
    return said


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_confirm_recurrence(
    txn: SingleConnectionTxn, *, incident_id: int, actor: Actor, seen: int | None = None
) -> IncidentRef:
    """A person confirms a recurrence that came under a public key: now it counts against its controls."""
    incident = incident_lock_seen(txn, incident_id, seen=seen, actor=actor)
    if incident.recurrence_confirmed:
        raise Conflict(f"{incident.public_id} has no recurrence that waits to be confirmed.")
    move_record(
        incident=incident,
        kind="recurrence-confirmed",
        text="The recurrence is confirmed.",
        actor=actor,
        fields={"recurrence_confirmed": True},
    )
    recurrence_tell(txn, incident)
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_hide_sample(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor) -> IncidentRef:
    """Hide a synthetic sample. Raises Conflict for a real incident: those end by being prevented."""
    incident = incident_lock(txn, incident_id)
    if not incident.synthetic:
        raise Conflict(f"{incident.public_id} is real; it leaves the list by being closed, not by being hidden.")
    move_record(incident=incident, kind="hidden", text="The sample was hidden.", actor=actor, fields={"hidden": True})
    return IncidentRef(incident.pk, incident.status)


@transactional(TransactionIntent.ATOMIC_WRITE)
def timeline_add(session: Session, *, incident: Incident, kind: str, text: str, actor: Actor) -> None:
    """What an upper subject did, on the incident's timeline, in that subject's own transaction."""
    store.timeline_append(incident=incident, at=utcnow(), kind=kind, text=text, actor=actor.name)
