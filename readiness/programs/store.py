"""Every query of programs."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from readiness.infra.actor import Actor
from readiness.infra.transactions import SingleConnectionTxn
from readiness.programs.models import (
    Attestation,
    AttestationEvidence,
    Criterion,
    Evidence,
    Gate,
    Program,
    RubricCategory,
    ScoreChange,
    ScoreEvidence,
    Verdict,
    VerdictBody,
)
from readiness.programs.services.chain import ChainEntry
from readiness.programs.services.definition import ProgramDefinition
from readiness.programs.services.evidence import EvidenceDraft
from readiness.programs.services.facts import (
    AttestationFact,
    Claim,
    EvidenceFact,
    Outcome,
    PilotFacts,
    ProgramFacts,
    ScoreFact,
)
from readiness.programs.services.program_build import definition_build, definition_data

EVIDENCE_OFFERED = 50
PROGRAMS_SHOWN = 100
M = TypeVar("M", Gate, Criterion, RubricCategory)

# --- programs and their definition --------------------------------------------------------------------------------


def program_find(slug: str) -> Program | None:
    return Program.objects.filter(slug=slug).first()


def program_main() -> Program | None:
    """The one that the home page shows: the first that was imported."""
    return Program.objects.order_by("created_at", "pk").first()


def programs_listed() -> QuerySet[Program]:
    """The list page and the daily record, oldest first."""
    return Program.objects.order_by("created_at", "pk")[:PROGRAMS_SHOWN]


def program_locked(txn: SingleConnectionTxn, *, slug: str) -> Program | None:
    """The program's row, locked: writers of one program stand in line here, and its chain grows one link at a time."""
    return txn.lock_rows(Program.objects.filter(slug=slug)).first()


def program_ensure(txn: SingleConnectionTxn, *, definition: ProgramDefinition, at: datetime) -> tuple[Program, bool]:
    """The program of this slug, locked, and whether it was made just now."""
    made = not Program.objects.filter(slug=definition.slug).exists()
    if made:  # two imports at once: the second one's insert does nothing, and both go on with the one row
        blank = Program(slug=definition.slug, evidence_max_age_days=1, created_at=at, updated_at=at)
        Program.objects.bulk_create([blank], ignore_conflicts=True)
    return txn.lock_row(Program, slug=definition.slug), made


def definition_save(*, program: Program, definition: ProgramDefinition, at: datetime) -> None:
    """Replace the definition: rows of gates, criteria and categories are kept by key, what is gone is retired."""
    data = definition_data(definition)
    program.kind, program.title, program.subtitle = definition.kind.value, definition.title, definition.subtitle
    program.target, program.owner, program.threshold = definition.target, definition.owner, definition.threshold
    program.evidence_max_age_days = definition.evidence_max_age_days
    program.uplift = data.get("uplift", [])
    program.reviews = data.get("cadence", [])
    program.prerequisites = data.get("prerequisites", [])
    program.updated_at = at
    program.save()
    kept = {"program": program, "project_id": program.project_id}
    _replace(
        program,
        Gate,
        [
            Gate(
                key=gate.key,
                title=gate.title,
                position=position,
                required=gate.required,
                waits_for=list(gate.waits_for),
                **kept,
            )
            for position, gate in enumerate(definition.gates)
        ],
    )
    by_key = {gate.key: gate for gate in Gate.objects.filter(program=program, retired=False)}
    _replace(
        program,
        Criterion,
        [
            Criterion(
                gate=by_key[gate.key],
                key=criterion.key,
                text=criterion.text,
                unmet=criterion.unmet,
                next_step=criterion.next_step,
                comparator=criterion.comparator.value if criterion.comparator else "",
                threshold=criterion.threshold,
                unit=criterion.unit,
                aggregation=criterion.aggregation,
                max_age_days=criterion.max_age_days,
                position=position,
                **kept,
            )
            for gate in definition.gates
            for position, criterion in enumerate(gate.criteria)
        ],
    )
    _replace(
        program,
        RubricCategory,
        [
            RubricCategory(key=category.key, title=category.title, weight=category.weight, position=position, **kept)
            for position, category in enumerate(definition.categories)
        ],
    )


def _replace(program: Program, model: type[M], rows: list[M]) -> None:
    """Retire all of the program's rows, then put `rows` in their places by key; new ones are added."""
    model._default_manager.filter(program=program).update(retired=True)
    places = [field.name for field in model._meta.concrete_fields if field.name not in ("id", "program", "key")]
    model._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=["program", "key"], update_fields=places
    )


def program_pin(*, program: Program, as_of: date | None, recorded: dict[str, Any] | None = None) -> None:
    """Pin the program to a date (or to none: today), with what the document of that date says."""
    program.as_of = as_of
    if recorded is not None:
        program.recorded = recorded
    program.save(update_fields=["as_of", "recorded"])


def program_definition(program: Program) -> ProgramDefinition:
    """The definition, read back from its rows: three queries."""
    gates = Gate.objects.filter(program=program, retired=False).order_by("position")
    criteria: dict[int, list[Criterion]] = {}
    for criterion in Criterion.objects.filter(program=program, retired=False).order_by("position"):
        criteria.setdefault(criterion.gate_id, []).append(criterion)
    categories = RubricCategory.objects.filter(program=program, retired=False).order_by("position")
    data: dict[str, Any] = {
        "program": program.slug,
        "kind": program.kind,
        "title": program.title,
        "subtitle": program.subtitle,
        "target": program.target,
        "owner": program.owner,
        "threshold": program.threshold,
        "evidence_max_age_days": program.evidence_max_age_days,
        "gates": [
            {
                "key": gate.key,
                "title": gate.title,
                "required": gate.required,
                "waits_for": gate.waits_for,
                "criteria": [_criterion_data(criterion) for criterion in criteria.get(gate.pk, ())],
            }
            for gate in gates
        ],
        "rubric": [{"key": c.key, "title": c.title, "weight": c.weight} for c in categories],
        "uplift": program.uplift,
        "cadence": program.reviews,
        "prerequisites": program.prerequisites,
    }
    return definition_build(data)


def _criterion_data(criterion: Criterion) -> dict[str, Any]:
    data: dict[str, Any] = {
        "key": criterion.key,
        "asks": criterion.text,
        "unmet": criterion.unmet,
        "next": criterion.next_step,
        "unit": criterion.unit,
        "aggregation": criterion.aggregation,
        "max_age_days": criterion.max_age_days,
    }
    if criterion.comparator and criterion.threshold is not None:
        data |= {"value": criterion.comparator, "threshold": _plain(criterion.threshold)}
    return data


def _plain(value: Decimal) -> Decimal:
    """45 instead of 45.000000: the column's trailing zeros are no one's words."""
    return Decimal(f"{value.normalize():f}")


# --- evidence -----------------------------------------------------------------------------------------------------


def evidence_fact(evidence: Evidence) -> EvidenceFact:
    return EvidenceFact(
        ref=evidence.public_id,
        kind=evidence.kind,
        title=evidence.title,
        url=evidence.url,
        note=evidence.note,
        outcome=Outcome(evidence.outcome),
        value=_plain(evidence.value) if evidence.value is not None else None,
        unit=evidence.unit,
        collected_at=evidence.collected_at,
        valid_until=evidence.valid_until,
    )


def evidence_insert(
    *,
    draft: EvidenceDraft,
    sha256: str,
    source: str,
    actor: Actor,
    at: datetime,
    program: Program | None,
    project_id: int,
) -> Evidence:
    return Evidence.objects.create(
        project_id=project_id,
        program=program,
        source=source,
        ref=draft.ref,
        kind=draft.kind,
        title=draft.title,
        url=draft.url,
        note=draft.note,
        outcome=draft.outcome.value,
        value=draft.value,
        unit=draft.unit,
        commit=draft.commit,
        sha256=sha256,
        collected_at=draft.collected_at,
        valid_until=draft.valid_until,
        received_at=at,
        **_actor(actor),
    )


def _actor(actor: Actor) -> dict[str, Any]:
    return {"actor_kind": actor.kind, "actor_name": actor.name[:200], "actor_id": actor.id}


def evidence_repeated(
    *, draft: EvidenceDraft, sha256: str, project_id: int, program: Program | None, source: str
) -> Evidence | None:
    """Evidence of the same bytes for the same purpose that came the same way: a retry, or a second import."""
    same = Evidence.objects.filter(project_id=project_id, sha256=sha256, program=program, source=source)
    return same.filter(kind=draft.kind, ref=draft.ref, commit=draft.commit).order_by("pk").first()


def evidence_usable(program: Program) -> QuerySet[Evidence]:
    """What may be attached in this program: its own, and its project's that belongs to no program."""
    return Evidence.objects.filter(Q(program=program) | Q(program__isnull=True, project_id=program.project_id))


def evidence_offered(program: Program) -> list[Evidence]:
    """The newest that the forms offer."""
    return list(evidence_usable(program).order_by("-pk")[:EVIDENCE_OFFERED])


def evidence_listed(program: Program) -> QuerySet[Evidence]:
    """The evidence page: everything that may be attached in this program, newest first."""
    return evidence_usable(program).order_by("-pk")


def evidence_chosen(*, program: Program, pks: Sequence[int]) -> list[Evidence]:
    """Those of `pks` that may be attached in this program, in the order asked for."""
    found = evidence_usable(program).in_bulk(list(pks))
    return [found[pk] for pk in dict.fromkeys(pks) if pk in found]


def evidence_from_document(program: Program) -> list[Evidence]:
    """The evidence that the program's document lists, in its order."""
    rows = Evidence.objects.filter(program=program, source=Evidence.Source.DOCUMENT)
    return list(rows.order_by("pk")[:200])


# --- attestations and scores --------------------------------------------------------------------------------------

_LINKED_TO_ATTESTATION = Prefetch(
    "links", queryset=AttestationEvidence.objects.select_related("evidence").order_by("pk")
)
_LINKED_TO_SCORE = Prefetch("links", queryset=ScoreEvidence.objects.select_related("evidence").order_by("pk"))


def criterion_find(*, program: Program, key: str) -> Criterion | None:
    rows = Criterion.objects.filter(program=program, key=key, retired=False)
    return rows.select_related("gate").first()


def criteria_by_key(program: Program) -> dict[str, Criterion]:
    return {row.key: row for row in Criterion.objects.filter(program=program, retired=False)}


def categories_by_key(program: Program) -> dict[str, RubricCategory]:
    return {row.key: row for row in RubricCategory.objects.filter(program=program, retired=False)}


def criteria_of_gate(*, program: Program, key: str) -> list[Criterion]:
    return list(Criterion.objects.filter(program=program, gate__key=key, retired=False).order_by("position")[:50])


def category_find(*, program: Program, key: str) -> RubricCategory | None:
    return RubricCategory.objects.filter(program=program, key=key, retired=False).first()


def attestations_newest(program: Program) -> list[Attestation]:
    """The newest word on each criterion, with its evidence: two queries however long the history."""
    newest = Attestation.objects.filter(criterion=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    criteria = Criterion.objects.filter(program=program, retired=False).annotate(newest=Subquery(newest))
    rows = Attestation.objects.filter(pk__in=criteria.values("newest")).select_related("criterion")
    return list(rows.prefetch_related(_LINKED_TO_ATTESTATION))


def scores_newest(program: Program) -> list[ScoreChange]:
    """The newest score of each category, with its evidence: two queries however long the history."""
    newest = ScoreChange.objects.filter(category=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    categories = RubricCategory.objects.filter(program=program, retired=False).annotate(newest=Subquery(newest))
    rows = ScoreChange.objects.filter(pk__in=categories.values("newest")).select_related("category")
    return list(rows.prefetch_related(_LINKED_TO_SCORE))


def attestation_insert(
    *,
    criterion: Criterion,
    claim: Claim,
    evidence: Iterable[Evidence],
    note: str,
    actor: Actor,
    at: datetime,
    from_document: bool = False,
) -> Attestation:
    row = Attestation.objects.create(
        project_id=criterion.project_id,
        criterion=criterion,
        claim=claim.value,
        note=note,
        at=at,
        from_document=from_document,
        **_actor(actor),
    )
    AttestationEvidence.objects.bulk_create(
        AttestationEvidence(project_id=criterion.project_id, attestation=row, evidence=piece) for piece in evidence
    )
    return row


def score_insert(
    *,
    category: RubricCategory,
    score: int,
    evidence: Iterable[Evidence],
    note: str,
    actor: Actor,
    at: datetime,
    from_document: bool = False,
) -> ScoreChange:
    row = ScoreChange.objects.create(
        project_id=category.project_id,
        category=category,
        score=score,
        note=note,
        at=at,
        from_document=from_document,
        **_actor(actor),
    )
    ScoreEvidence.objects.bulk_create(
        ScoreEvidence(project_id=category.project_id, change=row, evidence=piece) for piece in evidence
    )
    return row


def attestation_fact(row: Attestation) -> AttestationFact:
    return AttestationFact(
        criterion=row.criterion.key,
        claim=Claim(row.claim),
        evidence=tuple(evidence_fact(link.evidence) for link in row.links.all()),
        by=row.actor_name,
        at=row.at,
        note=row.note,
    )


def score_fact(row: ScoreChange) -> ScoreFact:
    return ScoreFact(
        category=row.category.key,
        score=row.score,
        evidence=tuple(evidence_fact(link.evidence) for link in row.links.all()),
        by=row.actor_name,
        at=row.at,
        note=row.note,
    )


def program_facts(program: Program) -> ProgramFacts:
    """What is recorded in programs itself; the incidents come from their own subject."""
    pilot = program.kind == Program.Kind.PILOT
    return ProgramFacts(
        attestations=tuple(attestation_fact(row) for row in attestations_newest(program)),
        scores=tuple(score_fact(row) for row in scores_newest(program)),
        pilot=_pilot_facts(program) if pilot else PilotFacts(),
    )


def _pilot_facts(program: Program) -> PilotFacts:
    evidence = Evidence.objects.filter(program=program)
    rating = (
        evidence.filter(kind="feedback", value__isnull=False).order_by("-pk").values_list("value", flat=True).first()
    )
    return PilotFacts(
        rollbacks=evidence.filter(kind="rollback").count(), feedback=_plain(rating) if rating is not None else None
    )


def moves_recent(program: Program, *, limit: int) -> list[Attestation | ScoreChange]:
    """What people and machines did lately, newest first; what an import loaded from the document is not a move."""
    words = Attestation.objects.filter(criterion__program=program, from_document=False)
    scores = ScoreChange.objects.filter(category__program=program, from_document=False)
    moves: list[Attestation | ScoreChange] = [
        *words.select_related("criterion").order_by("-pk")[:limit],
        *scores.select_related("category").order_by("-pk")[:limit],
    ]
    return sorted(moves, key=lambda move: move.at, reverse=True)[:limit]


# --- recorded verdicts --------------------------------------------------------------------------------------------


def verdict_last(program: Program) -> Verdict | None:
    return Verdict.objects.filter(program=program).order_by("-sequence").first()


def verdict_insert(*, row: Verdict, salt: str, body: str) -> Verdict:
    row.save(force_insert=True)
    VerdictBody.objects.create(project_id=row.project_id, verdict=row, salt=salt, body=body)
    return row


def verdicts_of(program: Program) -> QuerySet[Verdict]:
    """The history, newest first."""
    return Verdict.objects.filter(program=program).order_by("-sequence")


def verdict_head(row: Verdict) -> dict[str, str]:
    """The columns that the chain's link covers beside the body."""
    return {
        "program": row.program.slug,
        "verdict": row.verdict,
        "score": "" if row.score is None else f"{row.score:.2f}",
        "blockers": str(row.blockers),
        "evaluated_at": row.evaluated_at.isoformat(),
        "as_of": row.as_of.isoformat() if row.as_of else "",
        "cause": row.cause,
        "actor": row.actor_name,
        "state": row.state,
    }


def chain_entries(program: Program) -> Iterator[ChainEntry]:
    """The chain from its beginning, in batches."""
    rows = Verdict.objects.filter(program=program).select_related("program", "recorded_body").order_by("sequence")
    for row in rows.iterator(chunk_size=500):
        body = getattr(row, "recorded_body", None)
        yield ChainEntry(
            sequence=row.sequence,
            head=verdict_head(row),
            digest=row.digest,
            link=row.link,
            body=body.body if body else None,
            salt=body.salt if body else None,
        )
