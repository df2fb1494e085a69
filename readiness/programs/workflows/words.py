"""Words that rest on evidence: a person attests to a criterion, or sets a score; the verdict follows at once."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.redaction import text_scrub
from readiness.infra.refusals import FieldError, Invalid, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional
from readiness.programs import store
from readiness.programs.models import Evidence, Program
from readiness.programs.services.evidence import EvidenceDraft, attestation_reason, evidence_ref
from readiness.programs.services.facts import Claim
from readiness.programs.services.rubric import score_change_reason
from readiness.programs.workflows.evidence import evidence_insert_by
from readiness.programs.workflows.verdicts import ProgramView, program_unknown, verdict_recorded

MAX_EVIDENCE = 50
MAX_NOTE = 1000


@transactional(TransactionIntent.LOCKED_MUTATION)
def gate_attest(
    txn: SingleConnectionTxn,
    *,
    slug: str,
    criterion: str,
    claim: Claim,
    evidence: Sequence[int],
    actor: Actor,
    note: str = "",
    new: EvidenceDraft | None = None,
) -> ProgramView:
    """Say of a criterion that it is met, not met, or only what is known so far; from then on this word decides.

    It rests on exactly `evidence` (ids) and on the `new` piece, which is recorded with it. Raises NotFound, Invalid
    (no evidence, unknown evidence, or evidence that failed, was skipped or went stale behind a claim of MET).
    """
    program = _locked(txn, slug)
    row = store.criterion_find(program=program, key=criterion)
    if row is None:
        raise NotFound(f"“{criterion[:40]}” is no criterion of {slug}; /programs/{slug}/ lists its gates.")
    if row.computed or row.controls is not None:
        reason = f"{row.key} is computed from incidents and controls; nobody attests to it."
        raise Invalid(reason, errors=[FieldError("/criterion", reason)])
    chosen = _evidence(txn, program=program, pks=evidence, new=new, actor=actor)
    now = utcnow()
    reason = attestation_reason(
        claim=claim,
        evidence=[store.evidence_fact(piece) for piece in chosen],
        at=datetime.combine(program.as_of, time.max, UTC) if program.as_of else now,
        max_age_days=row.max_age_days or program.evidence_max_age_days,
    )
    if reason:
        raise Invalid(reason, errors=[FieldError("/evidence", reason)])
    store.attestation_insert(criterion=row, claim=claim, evidence=chosen, note=_note(note), actor=actor, at=now)
    said = {Claim.MET: "met", Claim.NOT_MET: "not met", Claim.NOTED: "noted"}[claim]
    return verdict_recorded(txn, program=program, actor=actor, cause=f"{row.key} {said}")


@transactional(TransactionIntent.LOCKED_MUTATION)
def score_set(
    txn: SingleConnectionTxn,
    *,
    slug: str,
    category: str,
    score: int,
    evidence: Sequence[int],
    actor: Actor,
    note: str = "",
    new: EvidenceDraft | None = None,
) -> ProgramView:
    """Set a category's score, naming the evidence behind it. Raises NotFound, and Invalid when the score is out of
    range, names no evidence, or rises on none that is new (requirement 429).
    """
    program = _locked(txn, slug)
    row = store.category_find(program=program, key=category)
    if row is None:
        raise NotFound(f"“{category[:40]}” is no category of {slug}'s rubric; /programs/{slug}/ lists them.")
    chosen = _evidence(txn, program=program, pks=evidence, new=new, actor=actor)
    current = next(
        (fact for fact in map(store.score_fact, store.scores_newest(program)) if fact.category == row.key), None
    )
    reason = score_change_reason(current=current, score=score, evidence=[piece.public_id for piece in chosen])
    if reason:
        raise Invalid(reason, errors=[FieldError("/evidence", reason)])
    store.score_insert(category=row, score=score, evidence=chosen, note=_note(note), actor=actor, at=utcnow())
    before = "unscored" if current is None else current.score
    return verdict_recorded(txn, program=program, actor=actor, cause=f"{row.title}: {before} → {score}")


def _locked(txn: SingleConnectionTxn, slug: str) -> Program:
    program = store.program_locked(txn, slug=slug)
    if program is None:
        raise program_unknown(slug)
    return program


def _evidence(
    txn: SingleConnectionTxn, *, program: Program, pks: Sequence[int], new: EvidenceDraft | None, actor: Actor
) -> list[Evidence]:
    if len(pks) > MAX_EVIDENCE:
        raise Invalid(f"At most {MAX_EVIDENCE} pieces of evidence stand behind one word; name the telling ones.")
    chosen = store.evidence_chosen(program=program, pks=pks)
    missing = [evidence_ref(pk) for pk in pks if pk not in {piece.pk for piece in chosen}]
    if missing:
        reason = f"{', '.join(missing)} is no evidence of this program. Choose from its list, or add a new piece."
        raise Invalid(reason, errors=[FieldError("/evidence", reason)])
    if new is not None:
        added = evidence_insert_by(actor=actor, draft=new, program=program, project_id=program.project_id).evidence
        if added.pk not in pks:  # typed in once more, it is the piece that was there
            chosen.append(added)
    return chosen


def _note(note: str) -> str:
    if len(note) > MAX_NOTE:
        raise Invalid(f"A note has at most {MAX_NOTE} characters.", errors=[FieldError("/note", "Shorten it.")])
    return text_scrub(note.strip())
