"""Evidence comes in: typed by a person, or sent by a machine, which also attaches it to the criterion that it names."""

from dataclasses import dataclass

from readiness.infra.actor import Actor
from readiness.infra.clock import isoz, utcnow
from readiness.infra.refusals import FieldError, Invalid
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional
from readiness.programs import store
from readiness.programs.models import Criterion, Evidence, Program
from readiness.programs.services.evidence import (
    EvidenceDraft,
    claim_of_outcome,
    evidence_draft_check,
    evidence_sha256,
)
from readiness.programs.workflows.verdicts import program_unknown, verdict_recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceRecorded:
    """`repeated`: the same bytes had come before, and nothing was added."""

    evidence: Evidence
    repeated: bool = False


@transactional(TransactionIntent.LOCKED_MUTATION)
def evidence_add(txn: SingleConnectionTxn, *, slug: str, draft: EvidenceDraft, actor: Actor) -> EvidenceRecorded:
    """A person adds a piece of evidence to a program, attached to nothing yet. Raises NotFound, Invalid."""
    program = store.program_locked(txn, slug=slug)
    if program is None:
        raise program_unknown(slug)
    return evidence_insert_by(actor=actor, draft=draft, program=program, project_id=program.project_id)


@transactional(TransactionIntent.LOCKED_MUTATION)
def evidence_receive(
    txn: SingleConnectionTxn, *, draft: EvidenceDraft, program: str | None, sha256: str, project_id: int, actor: Actor
) -> EvidenceRecorded:
    """A machine sends a piece of evidence. With `program` it belongs to it, and with `draft.ref` it becomes the newest
    word on that criterion: met if it passed, not met if it failed; a value is held against the criterion's threshold.

    `project_id` is the key's (0: the installation's). Raises Invalid for an unknown program or criterion, a time in the
    future, or a field that cannot be. The same bytes sent twice are recorded once.
    """
    owner = _program(txn, slug=program, project_id=project_id)
    criterion = _criterion(program=owner, ref=draft.ref) if owner and draft.ref else None
    recorded = evidence_insert_by(
        actor=actor, draft=draft, program=owner, project_id=owner.project_id if owner else project_id, sha256=sha256
    )
    if criterion is not None and owner is not None and not recorded.repeated:
        claim = claim_of_outcome(draft.outcome)
        store.attestation_insert(
            criterion=criterion, claim=claim, evidence=[recorded.evidence], note="", actor=actor, at=utcnow()
        )
        verdict_recorded(txn, program=owner, actor=actor, cause=f"{recorded.evidence.public_id} for {criterion.key}")
    return recorded


def evidence_insert_by(
    *, actor: Actor, draft: EvidenceDraft, program: Program | None, project_id: int, sha256: str = ""
) -> EvidenceRecorded:
    """Within the transaction under way: check, scrub and insert, unless the same bytes are there already."""
    now = utcnow()
    checked = evidence_draft_check(draft=draft, now=now)
    source = Evidence.Source.KEY if actor.kind == "key" else Evidence.Source.PERSON
    digest = sha256 or evidence_sha256(draft_words(checked))
    repeated = store.evidence_repeated(
        draft=checked, sha256=digest, project_id=project_id, program=program, source=source
    )
    if repeated is not None:
        return EvidenceRecorded(evidence=repeated, repeated=True)
    evidence = store.evidence_insert(
        draft=checked, sha256=digest, source=source, actor=actor, at=now, program=program, project_id=project_id
    )
    return EvidenceRecorded(evidence=evidence)


def draft_words(draft: EvidenceDraft) -> dict[str, str]:
    """A typed piece of evidence as the words that its hash covers."""
    return {
        "kind": draft.kind,
        "title": draft.title,
        "url": draft.url,
        "note": draft.note,
        "outcome": draft.outcome.value,
        "value": "" if draft.value is None else str(draft.value),
        "unit": draft.unit,
        "commit": draft.commit,
        "ref": draft.ref,
        "collected_at": isoz(draft.collected_at) or "",
        "valid_until": isoz(draft.valid_until) or "",
    }


def _program(txn: SingleConnectionTxn, *, slug: str | None, project_id: int) -> Program | None:
    if slug is None:
        return None
    program = store.program_locked(txn, slug=slug)
    if program is None or project_id not in (0, program.project_id):
        detail = str(program_unknown(slug).detail)
        raise Invalid(detail, errors=[FieldError("/program", "Unknown to this key.")])
    return program


def _criterion(*, program: Program, ref: str) -> Criterion:
    found = store.criterion_find(program=program, key=ref)
    if found is not None:
        return found
    inside = store.criteria_of_gate(program=program, key=ref)
    if len(inside) == 1:
        return inside[0]
    known = ", ".join(criterion.key for criterion in inside)
    mend = f"{ref} has several criteria; name one of {known}." if known else "It is no criterion of this program."
    raise Invalid(f"The evidence names “{ref}”: {mend}", errors=[FieldError("/ref", mend)])
