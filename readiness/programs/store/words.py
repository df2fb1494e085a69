"""Queries of the words that rest on evidence: attestations and scores, the newest of each."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import OuterRef, Prefetch, Subquery

from readiness.infra.actor import Actor
from readiness.infra.vendor_sql import moment_read
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


# The newest word on each criterion and the newest score of each category, a row for each piece of their evidence.
_EVIDENCE = ", ".join(f"piece.{name}" for name in EVIDENCE_READS)
_WORDS = f"""
SELECT 'attestation' AS what, asked.key, said.claim, said.id AS said_id, said.actor_name, said.at, said.note,
       link.id AS link_id, {_EVIDENCE}
FROM programs_criterion asked
JOIN programs_attestation said
  ON said.id = (SELECT max(id) FROM programs_attestation newest WHERE newest.criterion_id = asked.id)
LEFT JOIN programs_attestationevidence link ON link.attestation_id = said.id
LEFT JOIN programs_evidence piece ON piece.id = link.evidence_id
WHERE asked.program_id = %s AND NOT asked.retired
UNION ALL
SELECT 'score', asked.key, CAST(said.score AS text), said.id, said.actor_name, said.at, said.note, link.id, {_EVIDENCE}
FROM programs_rubriccategory asked
JOIN programs_scorechange said
  ON said.id = (SELECT max(id) FROM programs_scorechange newest WHERE newest.category_id = asked.id)
LEFT JOIN programs_scoreevidence link ON link.change_id = said.id
LEFT JOIN programs_evidence piece ON piece.id = link.evidence_id
WHERE asked.program_id = %s AND NOT asked.retired
ORDER BY what, said_id DESC, link_id
"""  # noqa: S608  names of our own columns


def program_facts(program: Program) -> ProgramFacts:
    """What is recorded in programs itself; the incidents come from their own subject. One query, three of a pilot."""
    with connection.cursor() as cursor:
        cursor.execute(_WORDS, [program.pk, program.pk])
        rows = cursor.fetchall()
    words: dict[str, list[tuple[str, str, dict[str, Any]]]] = {"attestation": [], "score": []}
    for (what, key, said), pieces in groupby(rows, key=itemgetter(0, 1, 2)):
        words[what].append((key, said, _rest_of_fact(list(pieces))))
    pilot = program.kind == Program.Kind.PILOT
    return ProgramFacts(
        attestations=tuple(
            AttestationFact(criterion=key, claim=Claim(claim), **rest) for key, claim, rest in words["attestation"]
        ),
        scores=tuple(ScoreFact(category=key, score=int(score), **rest) for key, score, rest in words["score"]),
        pilot=_pilot_facts(program) if pilot else PilotFacts(),
    )


def _rest_of_fact(rows: Sequence[tuple[Any, ...]]) -> dict[str, Any]:
    """What a fact has beside its key and what was said, of the rows of one word: one for each piece of evidence, or one
    without.
    """
    by, at, note = rows[0][4:7]
    evidence = tuple(evidence_fact_of(row[8:]) for row in rows if row[7] is not None)
    return {"evidence": evidence, "by": by, "at": moment_read(at), "note": note}


def _pilot_facts(program: Program) -> PilotFacts:
    evidence = Evidence.objects.filter(program=program)
    rating = (
        evidence.filter(kind="feedback", value__isnull=False).order_by("-pk").values_list("value", flat=True).first()
    )
    return PilotFacts(
        rollbacks=evidence.filter(kind="rollback").count(),
        feedback=decimal_plain(rating) if rating is not None else None,
    )


class ProgramMove(NamedTuple):
    """A word on a criterion, or a category's new score: `title` names which, `said` is a Claim's value or the score."""

    kind: str
    key: str
    title: str
    said: str
    by: str
    at: datetime


_MOVES = """
SELECT * FROM (
  SELECT 'attestation' AS kind, asked.key, asked.text AS title, said.claim, said.actor_name, said.at, said.id
  FROM programs_attestation said JOIN programs_criterion asked ON asked.id = said.criterion_id
  WHERE asked.program_id = %s AND NOT said.from_document ORDER BY said.id DESC LIMIT %s
) words
UNION ALL
SELECT * FROM (
  SELECT 'score', asked.key, asked.title, CAST(said.score AS text), said.actor_name, said.at, said.id
  FROM programs_scorechange said JOIN programs_rubriccategory asked ON asked.id = said.category_id
  WHERE asked.program_id = %s AND NOT said.from_document ORDER BY said.id DESC LIMIT %s
) scores
ORDER BY at DESC, kind, id DESC LIMIT %s
"""


def moves_recent(program: Program, *, limit: int) -> list[ProgramMove]:
    """What people and machines did lately, newest first; what an import loaded from the document is not a move."""
    with connection.cursor() as cursor:
        cursor.execute(_MOVES, [program.pk, limit, program.pk, limit, limit])
        return [ProgramMove._make((*said, moment_read(at))) for *said, at, _ in cursor.fetchall()]
