"""A person says what happened, why it could, and what is learnt from it."""

from collections.abc import Sequence

from incidents.errors.workflows import event_to_show, stored_ids_read
from incidents.lessons import store
from incidents.lessons.models import Lesson, RootCause
from incidents.lessons.services.drafts import lesson_draft, root_cause_draft
from incidents.lessons.services.pinning import MAX_PINNED, Pinned, evidence_kept, evidence_pin
from incidents.lessons.workflows.states import controls_of_incident_judge
from incidents.triage.models import Incident
from incidents.triage.services.life import Move, life_move
from incidents.triage.store import fingerprints_of_incident
from incidents.triage.workflows import incident_lock, move_record, timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


@transactional(TransactionIntent.LOCKED_MUTATION)
def root_cause_write(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    text: str,
    actor: Actor,
    contributing_factors: Sequence[str] = (),
    broken_commits: Sequence[str] = (),
    evidence: Sequence[str] = (),
    evidence_reason: str = "",
    expected_revision: int | None = None,
) -> RootCause:
    """Write the root cause, or its next revision. With evidence pinned to it (ids of stored errors of the project) the
    diagnosis clock stops; without, it is kept and the clock runs on. Where no event is left, `evidence_reason` says why
    nothing is pinned, and stops it. What stopped the clock is revised, not taken away.

    `expected_revision` is the revision that the author had seen (0: none). Raises Conflict when somebody has written
    one since, Invalid, NotFound. The commits that it names as broken may move the incident's controls.
    """
    draft = root_cause_draft(text=text, contributing_factors=contributing_factors, broken_commits=broken_commits)
    incident = incident_lock(txn, incident_id)
    before = store.root_cause_latest(incident.pk)
    revision = before.revision if before else 0
    if before is not None and expected_revision is not None and expected_revision != revision:
        raise Conflict(
            f"{before.author} wrote revision {revision} of this root cause while you wrote yours, so yours is not "
            "saved yet. Read theirs, bring both together and save again."
        )
    pinned = _pinned(incident, evidence, evidence_reason)
    if before is not None and incident.diagnosed_at is not None:
        evidence_kept(had=bool(before.evidence or before.evidence_reason), pinned=pinned)
    written = store.root_cause_insert(
        project_id=incident.project_id,
        incident=incident,
        revision=revision + 1,
        text=draft.text,
        contributing_factors=[{"kind": item.kind.value, "text": item.text} for item in draft.contributing_factors],
        broken_commits=list(draft.broken_commits),
        evidence=list(pinned.error_ids),
        evidence_reason=pinned.reason,
        author=actor.name,
        written_at=utcnow(),
    )
    said = "Root cause written" if not revision else f"Root cause revised (revision {revision + 1})"
    if incident.diagnosed_at is None:
        said += _clock_words(pinned)
    taken = _taken(incident, actor, diagnosed=pinned.stops_clock)
    move_record(incident=incident, kind="root-cause", text=f"{said}.", actor=actor, fields=taken)
    if set(draft.broken_commits) != set(before.broken_commits if before else ()):
        controls_of_incident_judge(txn, incident=incident, broken_commits=draft.broken_commits, actor=actor)
    return written


def _pinned(incident: Incident, evidence: Sequence[str], reason: str) -> Pinned:
    asked = [error_id[:40] for error_id in evidence[: MAX_PINNED + 1]]
    left = event_to_show(
        project_id=incident.project_id,
        error_id=incident.last_error_id,
        fingerprints=fingerprints_of_incident(incident.pk),
    )
    return evidence_pin(
        wanted=asked,
        stored=stored_ids_read(
            project_id=incident.project_id, error_ids=[error_id for error_id in asked if error_id.isprintable()]
        ),
        anything_left=left.event is not None,
        reason=reason,
    )


def _clock_words(pinned: Pinned) -> str:
    if not pinned.stops_clock:
        return " without evidence; the diagnosis clock runs on"
    if pinned.error_ids:
        return f", {len(pinned.error_ids)} pinned as evidence; the diagnosis clock stopped"
    return f"; no event is left to pin ({pinned.reason}); the diagnosis clock stopped"


def _taken(incident: Incident, actor: Actor, *, diagnosed: bool) -> dict[str, object]:
    """Whoever writes the root cause has taken the incident; the evidence makes it diagnosed. The fields that change."""
    now, name, status = utcnow(), incident.public_id, incident.status
    fields: dict[str, object] = {}
    if incident.acknowledged_at is None:
        fields["acknowledged_at"] = now
        if not incident.owner:
            fields |= {"owner": actor.name[:254], "owner_id": actor.id if actor.kind == "person" else None}
    if diagnosed:
        fields |= {
            "diagnosed_at": incident.diagnosed_at or now,
            "status": life_move(name=name, status=status, move=Move.DIAGNOSE),
        }
    elif status in (Incident.Status.DETECTED, Incident.Status.RECURRED):
        fields["status"] = life_move(name=name, status=status, move=Move.ACKNOWLEDGE)
    return fields


@transactional(TransactionIntent.LOCKED_MUTATION)
def lesson_write(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    believed: str,
    was_true: str,
    do_now: str,
    actor: Actor,
    replaces: int | None = None,
) -> Lesson:
    """Write a lesson, or a corrected one in place of `replaces`; sent twice, it is written once.

    Raises Invalid, NotFound, Conflict.
    """
    draft = lesson_draft(believed=believed, was_true=was_true, do_now=do_now)
    incident = incident_lock(txn, incident_id)
    earlier = store.lesson_find(replaces) if replaces is not None else None
    if replaces is not None and (earlier is None or earlier.incident_id != incident.pk):
        raise NotFound(
            f"{incident.public_id} has no such lesson to correct.", errors=[FieldError("/replaces", "not known")]
        )
    said = {"believed": draft.believed, "was_true": draft.was_true, "do_now": draft.do_now}
    if (same := store.lesson_written(incident.pk, replaces=earlier, **said)) is not None:
        return same
    if earlier is not None and store.lesson_is_replaced(earlier.pk):
        raise Conflict("Somebody corrected this lesson while you did, so yours is not saved. Correct the newest one.")
    written = store.lesson_insert(
        project_id=incident.project_id,
        incident=incident,
        **said,
        replaces=earlier,
        author=actor.name,
        written_at=utcnow(),
    )
    what = "Lesson corrected" if earlier else "Lesson written"
    timeline_add(incident=incident, kind="lesson", text=f"{what}: {draft.do_now[:300]}", actor=actor)
    return written
