"""A person says what happened, why it could, and what is learnt from it."""

from collections.abc import Sequence

from incidents.lessons import store
from incidents.lessons.models import Lesson, RootCause
from incidents.lessons.services.drafts import lesson_draft, root_cause_draft
from incidents.lessons.workflows.states import controls_of_incident_judge
from incidents.triage.models import Incident
from incidents.triage.workflows import incident_lock, timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, FieldError, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional

_UNDIAGNOSED = (Incident.Status.DETECTED, Incident.Status.ACKNOWLEDGED, Incident.Status.RECURRED)


@transactional(TransactionIntent.LOCKED_MUTATION)
def root_cause_write(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    text: str,
    actor: Actor,
    contributing_factors: Sequence[str] = (),
    broken_commits: Sequence[str] = (),
    expected_revision: int | None = None,
) -> RootCause:
    """Write the root cause, or its next revision, with the evidence pinned to it: the diagnosis clock stops.

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
    now = utcnow()
    written = store.root_cause_insert(
        project_id=incident.project_id,
        incident=incident,
        revision=revision + 1,
        text=draft.text,
        contributing_factors=list(draft.contributing_factors),
        broken_commits=list(draft.broken_commits),
        evidence=list(dict.fromkeys((incident.first_error_id, incident.last_error_id))),
        author=actor.name,
        written_at=now,
    )
    said = "Root cause written" if not revision else f"Root cause revised (revision {revision + 1})"
    stopped = "" if incident.diagnosed_at else "; the diagnosis clock stopped"
    _diagnosed(incident, actor)
    timeline_add(incident=incident, kind="root-cause", text=f"{said}{stopped}.", actor=actor)
    if set(draft.broken_commits) != set(before.broken_commits if before else ()):
        controls_of_incident_judge(txn, incident=incident, broken_commits=draft.broken_commits, actor=actor)
    return written


def _diagnosed(incident: Incident, actor: Actor) -> None:
    """Whoever writes the root cause has taken the incident."""
    now = utcnow()
    if incident.acknowledged_at is None:
        incident.acknowledged_at, incident.owner = now, incident.owner or actor.name
    incident.diagnosed_at = incident.diagnosed_at or now
    if incident.status in _UNDIAGNOSED:
        incident.status = Incident.Status.DIAGNOSED
    incident.save(update_fields=["acknowledged_at", "owner", "diagnosed_at", "status"])


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
    """Write a lesson, or a corrected one in place of `replaces`. Raises Invalid, NotFound, Conflict."""
    draft = lesson_draft(believed=believed, was_true=was_true, do_now=do_now)
    incident = incident_lock(txn, incident_id)
    earlier = store.lesson_find(replaces) if replaces is not None else None
    if replaces is not None and (earlier is None or earlier.incident_id != incident.pk):
        raise NotFound(
            f"{incident.public_id} has no such lesson to correct.", errors=[FieldError("/replaces", "not known")]
        )
    if earlier is not None and store.lesson_is_replaced(earlier.pk):
        raise Conflict("Somebody corrected this lesson while you did, so yours is not saved. Correct the newest one.")
    written = store.lesson_insert(
        project_id=incident.project_id,
        incident=incident,
        believed=draft.believed,
        was_true=draft.was_true,
        do_now=draft.do_now,
        replaces=earlier,
        author=actor.name,
        written_at=utcnow(),
    )
    said = "Lesson corrected" if earlier else "Lesson written"
    timeline_add(incident=incident, kind="lesson", text=f"{said}: {draft.do_now[:300]}", actor=actor)
    return written
