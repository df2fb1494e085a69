"""The rubric: points = weight · score / 4, summed over the categories, to two decimals (requirement 385).

Weights are whole and sum to 100, scores whole from 0 to 4, so that every figure is exact in Decimal and 80.00 reaches a
threshold of 80.00 (A6: compared with >=).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from readiness.programs.services.definition import CategoryDefinition
from readiness.programs.services.facts import ScoreFact
from readiness.programs.services.freshness import EvidenceState, evidence_state

MAX_SCORE = 4
TWO_PLACES = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryResult:
    """One line of the rubric as evaluated. `points` is 0.00 unless the score `counts`; `note` says why it does not."""

    key: str
    title: str
    weight: int
    score: int | None
    points: Decimal
    counts: bool
    note: str
    evidence: tuple[EvidenceState, ...]
    by: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RubricResult:
    """`total` and `gap` in points of 100; `passed` is total >= threshold."""

    categories: tuple[CategoryResult, ...]
    total: Decimal
    threshold: Decimal
    gap: Decimal
    passed: bool


def rubric_points(*, weight: int, score: int) -> Decimal:
    """weight · score / 4, to two decimals. Raises ValueError for a score outside 0 to 4."""
    if not 0 <= score <= MAX_SCORE:
        raise ValueError(f"A score is 0 to {MAX_SCORE}, not {score}.")
    return (Decimal(weight) * score / MAX_SCORE).quantize(TWO_PLACES, ROUND_HALF_UP)


def rubric_evaluate(
    *,
    categories: Sequence[CategoryDefinition],
    scores: Mapping[str, ScoreFact],
    threshold: Decimal,
    at: datetime,
    max_age_days: int,
) -> RubricResult:
    """Every category's points and their sum. A score counts only while all the evidence it names can be relied on."""
    results = tuple(
        _category_result(category=category, fact=scores.get(category.key), at=at, max_age_days=max_age_days)
        for category in categories
    )
    total = sum((result.points for result in results), Decimal(0)).quantize(TWO_PLACES)
    wanted = threshold.quantize(TWO_PLACES, ROUND_HALF_UP)
    return RubricResult(
        categories=results,
        total=total,
        threshold=wanted,
        gap=max(wanted - total, Decimal(0)).quantize(TWO_PLACES),
        passed=total >= wanted,
    )


def _category_result(
    *, category: CategoryDefinition, fact: ScoreFact | None, at: datetime, max_age_days: int
) -> CategoryResult:
    states: tuple[EvidenceState, ...] = ()
    if fact is None:
        note = "no score recorded"
    else:
        states = tuple(evidence_state(evidence=e, at=at, max_age_days=max_age_days) for e in fact.evidence)
        note = _score_note(states)
    counts = not note
    points = rubric_points(weight=category.weight, score=fact.score) if fact and counts else Decimal("0.00")
    return CategoryResult(
        key=category.key,
        title=category.title,
        weight=category.weight,
        score=fact.score if fact else None,
        points=points,
        counts=counts,
        note=note,
        evidence=states,
        by=fact.by if fact else "",
        at=fact.at if fact else None,
    )


def _score_note(states: Sequence[EvidenceState]) -> str:
    if not states:
        return "the score names no evidence"
    return next((state.named_reason for state in states if not state.relied_on), "")


def score_change_reason(*, current: ScoreFact | None, score: int, evidence: Sequence[str]) -> str:
    """Why a score may not be set like this; empty when it may. `evidence` are refs (EV-31).

    Every score names its evidence, and a score rises only on evidence that it did not rest on before: making the
    measurement possible is not the measurement (requirement 429).
    """
    if not 0 <= score <= MAX_SCORE:
        return f"A score is a whole number from 0 to {MAX_SCORE}; choose one of them."
    if not evidence:
        return "Every score names its evidence: choose at least one piece, or add a new one."
    if current is not None and score > current.score:
        known = {fact.ref for fact in current.evidence}
        if not set(evidence) - known:
            return (
                f"A score rises only on new data: all of {', '.join(sorted(evidence))} was already behind the score of "
                f"{current.score}. Add the evidence that shows the rise."
            )
    return ""
