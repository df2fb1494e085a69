"""A person's move, as every move is made: lock what they saw, change it, write it down so that it can be taken back."""

from collections.abc import Mapping
from typing import Any

from incidents.triage import store
from incidents.triage.models import Incident, IncidentMove
from incidents.triage.services.revisions import revision_check
from incidents.triage.services.undoing import fields_note
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional


def incident_lock(txn: SingleConnectionTxn, incident_id: int, *, merged_too: bool = False) -> Incident:
    """The incident's row, locked. Raises NotFound, and Conflict for one that was merged into another: it is frozen."""
    try:
        incident = txn.lock_row(Incident, pk=incident_id)
    except Incident.DoesNotExist as missing:
        raise NotFound(f"There is no INC-{incident_id}.") from missing
    if incident.merged_into_id is not None and not merged_too:
        raise Conflict(f"INC-{incident_id} was merged into INC-{incident.merged_into_id}; do it there.")
    return incident


def incident_lock_seen(txn: SingleConnectionTxn, incident_id: int, *, seen: int | None, actor: Actor) -> Incident:
    """The locked row, as the person saw it: `seen` is the revision that their form carries, None where none was asked.

    Raises NotFound, Conflict (merged away) and ChangedMeanwhile, which tells who changed what.
    """
    incident = incident_lock(txn, incident_id)
    if seen is not None and seen != incident.revision:
        since = store.moves_since(incident.pk, revision=seen)
        revision_check(
            name=incident.public_id, revision=incident.revision, seen=seen, since=since, reader_id=actor.id
        )  # fmt: skip
    return incident


@transactional(TransactionIntent.ATOMIC_WRITE)
def move_record(
    session: Session,
    *,
    incident: Incident,
    kind: str,
    text: str,
    actor: Actor,
    fields: Mapping[str, Any],
    undoes: IncidentMove | None = None,
) -> IncidentMove:
    """Set the locked incident's fields by a person's move: one more revision, the move with what was before, a line on
    the timeline. Upper subjects move incidents by this too, in their own transaction.
    """
    now = utcnow()
    before = {name: getattr(incident, name) for name in fields}
    for name, value in fields.items():
        setattr(incident, name, value)
    incident.revision += 1
    incident.save(update_fields=[*fields, "revision"])
    store.timeline_append(incident=incident, at=now, kind=kind, text=text, actor=actor.name)
    return store.move_add(
        project_id=incident.project_id,
        incident=incident,
        revision=incident.revision,
        at=now,
        kind=kind,
        text=text[:500],
        actor=actor.name,
        actor_id=actor.id if actor.kind == "person" else None,
        before=fields_note(before),
        after=fields_note(fields),
        undoes=undoes,
    )
