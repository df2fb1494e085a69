"""Queries of the words that rest on evidence: attestations and scores, the newest of each."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import OuterRef, Prefetch, QuerySet, Subquery

from readiness.infra.actor import Actor
from readiness.programs.models import (
    Attestation,
    AttestationEvidence,
    Criterion,
    Evidence,
    Program,
    RubricCategory,
    ScoreChange,
    ScoreEvidence,
)
from readiness.programs.services.facts import (
    AttestationFact,
    Claim,
    PilotFacts,
    ProgramFacts,
    ScoreFact,
)
from readiness.programs.store.evidence import (
    EVIDENCE_READS,
    actor_columns,
    decimal_plain,
    evidence_fact,
    evidence_fact_of,
)

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


def _attestations_newest(program: Program) -> QuerySet[Attestation]:
    newest = Attestation.objects.filter(criterion=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    criteria = Criterion.objects.filter(program=program, retired=False).annotate(newest=Subquery(newest))
    return Attestation.objects.filter(pk__in=criteria.values("newest"))


def attestations_newest(program: Program) -> list[Attestation]:
    """The newest word on each criterion, with its evidence: two queries however long the history."""
    rows = _attestations_newest(program).select_related("criterion")
    return list(rows.prefetch_related(_LINKED_TO_ATTESTATION))


def _scores_newest(program: Program) -> QuerySet[ScoreChange]:
    newest = ScoreChange.objects.filter(category=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    categories = RubricCategory.objects.filter(program=program, retired=False).annotate(newest=Subquery(newest))
    return ScoreChange.objects.filter(pk__in=categories.values("newest"))


def scores_newest(program: Program) -> list[ScoreChange]:
    """The newest score of each category, with its evidence: two queries however long the history."""
    rows = _scores_newest(program).select_related("category")
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
        **actor_columns(actor),
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
        **actor_columns(actor),
    )
    ScoreEvidence.objects.bulk_create(
        ScoreEvidence(project_id=category.project_id, change=row, evidence=piece) for piece in evidence
    )
    return row


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
        attestations=_attestation_facts(program),
        scores=_score_facts(program),
        pilot=_pilot_facts(program) if pilot else PilotFacts(),
    )


_WORD_READS = ("actor_name", "at", "note", *(f"links__evidence__{name}" for name in EVIDENCE_READS))


def _by_word(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, Any, dict[str, Any]]]:
    """(key, what was said, the other fields of its fact) of rows in order of their words, one for each piece of
    evidence: pk, key, what was said, _WORD_READS.
    """
    for _, group in groupby(rows, key=itemgetter(0)):
        pieces = list(group)
        _, key, said, by, at, note, *_ = pieces[0]
        evidence = tuple(evidence_fact_of(piece[6:]) for piece in pieces if piece[6] is not None)
        yield key, said, {"evidence": evidence, "by": by, "at": at, "note": note}


def _attestation_facts(program: Program) -> tuple[AttestationFact, ...]:
    """Of the newest word on each criterion, in one query of just what a verdict looks at."""
    rows = _attestations_newest(program).order_by("-pk", "links__pk")
    found = _by_word(rows.values_list("pk", "criterion__key", "claim", *_WORD_READS))
    return tuple(AttestationFact(criterion=key, claim=Claim(claim), **fields) for key, claim, fields in found)


def _score_facts(program: Program) -> tuple[ScoreFact, ...]:
    """Of the newest score of each category, likewise."""
    rows = _scores_newest(program).order_by("-pk", "links__pk")
    found = _by_word(rows.values_list("pk", "category__key", "score", *_WORD_READS))
    return tuple(ScoreFact(category=key, score=score, **fields) for key, score, fields in found)


def _pilot_facts(program: Program) -> PilotFacts:
    evidence = Evidence.objects.filter(program=program)
    rating = (
        evidence.filter(kind="feedback", value__isnull=False).order_by("-pk").values_list("value", flat=True).first()
    )
    return PilotFacts(
        rollbacks=evidence.filter(kind="rollback").count(),
        feedback=decimal_plain(rating) if rating is not None else None,
    )


def moves_recent(program: Program, *, limit: int) -> list[Attestation | ScoreChange]:
    """What people and machines did lately, newest first; what an import loaded from the document is not a move."""
    words = Attestation.objects.filter(criterion__program=program, from_document=False).only(
        "claim", "actor_name", "at", "criterion__key", "criterion__text"
    )
    scores = ScoreChange.objects.filter(category__program=program, from_document=False).only(
        "score", "actor_name", "at", "category__title"
    )
    moves: list[Attestation | ScoreChange] = [
        *words.select_related("criterion").order_by("-pk")[:limit],
        *scores.select_related("category").order_by("-pk")[:limit],
    ]
    return sorted(moves, key=lambda move: move.at, reverse=True)[:limit]
