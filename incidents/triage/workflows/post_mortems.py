"""What a P0 or P1 taught, written once it is over (requirement 348)."""

from incidents.triage import store
from incidents.triage.models import PostMortem
from incidents.triage.services.post_mortems import post_mortem_draft
from incidents.triage.workflows.revising import incident_lock
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional


@transactional(TransactionIntent.READ_ONLY)
def post_mortem_exists(session: Session, *, incident_id: int) -> bool:
    """Somebody has written one: the rule for closing a P0 or P1 asks."""
    return store.post_mortem_exists(incident_id)


@transactional(TransactionIntent.READ_ONLY)
def post_mortems_read(session: Session, *, incident_id: int) -> list[PostMortem]:
    """Every revision, the latest first."""
    return store.post_mortems_of(incident_id)


@transactional(TransactionIntent.LOCKED_MUTATION)
def post_mortem_write(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    summary: str,
    impact: str,
    went_wrong: str,
    actor: Actor,
    went_well: str = "",
    lucky: str = "",
    expected_revision: int | None = None,
) -> PostMortem:
    """Write the post-mortem, or its next revision. `expected_revision`: the one that the author had seen (0: none).

    Raises Conflict when somebody has written one since, Invalid, NotFound.
    """
    draft = post_mortem_draft(summary=summary, impact=impact, went_well=went_well, went_wrong=went_wrong, lucky=lucky)
    incident = incident_lock(txn, incident_id)
    before = store.post_mortem_latest(incident.pk)
    revision = before.revision if before else 0
    if before is not None and expected_revision is not None and expected_revision != revision:
        raise Conflict(
            f"{before.author} wrote revision {revision} of this post-mortem while you wrote yours, so yours is not "
            "saved yet. Read theirs below, bring both together and save again."
        )
    now = utcnow()
    written = store.post_mortem_add(
        project_id=incident.project_id, incident=incident, revision=revision + 1, summary=draft.summary,
        impact=draft.impact, went_well=draft.went_well, went_wrong=draft.went_wrong, lucky=draft.lucky,
        author=actor.name, written_at=now,
    )  # fmt: skip
    said = "Post-mortem written." if not revision else f"Post-mortem revised (revision {revision + 1})."
    store.timeline_append(incident=incident, at=now, kind="post-mortem", text=said, actor=actor.name)
    return written
