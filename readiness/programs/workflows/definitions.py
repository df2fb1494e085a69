"""Programs come in from their files and go out again; what has been attested stays through every import."""

from dataclasses import dataclass

from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Invalid
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.programs import store
from readiness.programs.models import Attestation, Evidence, Program, ScoreChange
from readiness.programs.services.definition import ProgramDefinition
from readiness.programs.services.evidence import EvidenceDraft, evidence_draft_check, evidence_sha256
from readiness.programs.services.program_build import Example
from readiness.programs.workflows.evidence import draft_words
from readiness.programs.workflows.verdicts import ProgramView, program_unknown, verdict_recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """`made`: the program is new here. `loaded` words were taken from the document, `kept` ones are people's."""

    view: ProgramView
    made: bool
    changed: bool
    loaded: int
    kept: int


@transactional(TransactionIntent.LOCKED_MUTATION)
def program_import(
    txn: SingleConnectionTxn,
    *,
    definition: ProgramDefinition,
    actor: Actor,
    example: Example | None = None,
    load_example: bool = False,
) -> ImportResult:
    """Make the program, or replace its definition; attestations, scores and evidence stay.

    `load_example` also loads what the document attests, and pins the program to its date. What an earlier import loaded
    is brought up to the file; a word that a person or a machine has said since stays. Doing it twice changes nothing.
    Raises Invalid when an example is asked for that the file does not have.
    """
    if load_example and example is None:
        raise Invalid(f"The file of {definition.slug} has no `example`; import it without --example.")
    now = utcnow()
    program, made = store.program_ensure(txn, definition=definition, at=now)
    changed = made or store.program_definition(program) != definition
    if changed:
        store.definition_save(program=program, definition=definition, at=now)
    loaded = kept = 0
    if load_example and example is not None:
        loaded, kept = _example_load(program=program, example=example, actor=actor)
    cause = f"imported with the attestations of {example.as_of}" if load_example and example else "imported"
    view = verdict_recorded(txn, program=program, actor=actor, cause=cause)
    return ImportResult(view=view, made=made, changed=changed, loaded=loaded, kept=kept)


def _example_load(*, program: Program, example: Example, actor: Actor) -> tuple[int, int]:
    store.program_pin(program=program, as_of=example.as_of, recorded=example.recorded)
    author = Actor(kind=actor.kind, name=example.document, id=actor.id)
    evidence = _example_evidence(program=program, example=example, author=author)
    now, loaded, kept = utcnow(), 0, 0
    # The file's rules know every criterion and category that it names, and the definition was saved just now.
    criteria, categories = store.criteria_by_key(program), store.categories_by_key(program)
    words = {row.criterion.key: row for row in store.attestations_newest(program)}
    for said in example.attestations:
        pieces, word = [evidence[key] for key in said.evidence], words.get(said.criterion)
        if word is not None and not word.from_document:
            kept += 1
        elif word is None or (word.claim, word.note, _named(word)) != (said.claim.value, said.note, _pks(pieces)):
            store.attestation_insert(
                criterion=criteria[said.criterion],
                claim=said.claim,
                evidence=pieces,
                note=said.note,
                actor=author,
                at=now,
                from_document=True,
            )
            loaded += 1
    scores = {row.category.key: row for row in store.scores_newest(program)}
    for given in example.scores:
        pieces, score = [evidence[key] for key in given.evidence], scores.get(given.category)
        if score is not None and not score.from_document:
            kept += 1
        elif score is None or (score.score, score.note, _named(score)) != (given.score, given.note, _pks(pieces)):
            store.score_insert(
                category=categories[given.category],
                score=given.score,
                evidence=pieces,
                note=given.note,
                actor=author,
                at=now,
                from_document=True,
            )
            loaded += 1
    return loaded, kept


def _named(row: Attestation | ScoreChange) -> list[int]:
    return [link.evidence_id for link in row.links.all()]


def _pks(pieces: list[Evidence]) -> list[int]:
    return [piece.pk for piece in pieces]


def _example_evidence(*, program: Program, example: Example, author: Actor) -> dict[str, Evidence]:
    """The document's evidence by its key in the file; a piece that is there already is not added again."""
    found: dict[str, Evidence] = {}
    now = utcnow()
    for item in example.evidence:
        draft = evidence_draft_check(
            draft=EvidenceDraft(
                kind=item.kind,
                title=item.title,
                url=item.url,
                note=item.note,
                outcome=item.outcome,
                value=item.value,
                unit=item.unit,
                ref=item.key,
                collected_at=item.collected_at,
            ),
            now=now,
        )
        sha256 = evidence_sha256(draft_words(draft))
        source = Evidence.Source.DOCUMENT
        found[item.key] = store.evidence_repeated(
            draft=draft, sha256=sha256, project_id=program.project_id, program=program, source=source
        ) or store.evidence_insert(
            draft=draft,
            sha256=sha256,
            source=source,
            actor=author,
            at=now,
            program=program,
            project_id=program.project_id,
        )
    return found


@transactional(TransactionIntent.READ_ONLY)
def program_export(session: Session, *, slug: str) -> ProgramDefinition:
    """The definition as it stands, to be written to a file. Raises NotFound."""
    program = store.program_find(slug)
    if program is None:
        raise program_unknown(slug)
    return store.program_definition(program)


@transactional(TransactionIntent.LOCKED_MUTATION)
def program_unpin(txn: SingleConnectionTxn, *, slug: str, actor: Actor) -> ProgramView:
    """Judge a program that was pinned to its document's date as of today from now on. Raises NotFound."""
    program = store.program_locked(txn, slug=slug)
    if program is None:
        raise program_unknown(slug)
    store.program_pin(program=program, as_of=None)
    return verdict_recorded(txn, program=program, actor=actor, cause="evaluated as of today from now on")
