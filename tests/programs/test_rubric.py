"""The rubric's formula and what a score has to name (requirements 379 to 389, 429; A6)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.facts import Outcome, ScoreFact
from readiness.programs.services.rubric import (
    RubricResult,
    rubric_evaluate,
    rubric_points,
    score_change_reason,
)
from tests.programs.examples import NOW, THRESHOLD, category, evidence, score

WEIGHTS = {"measurement": 20, "reliability": 25, "tests": 15, "security": 15, "operability": 15, "delivery": 10}
SCORES = {"measurement": 3, "reliability": 2, "tests": 3, "security": 3, "operability": 3, "delivery": 3}


def evaluate(facts: dict[str, ScoreFact], threshold: Decimal = THRESHOLD) -> RubricResult:
    return rubric_evaluate(
        categories=[category(key, weight) for key, weight in WEIGHTS.items()],
        scores=facts,
        threshold=threshold,
        at=NOW,
        max_age_days=90,
    )


def scored(**changes: int) -> dict[str, ScoreFact]:
    return {key: score(key, value) for key, value in (SCORES | changes).items()}


@pytest.mark.parametrize(
    ("weight", "value", "points"),
    [(20, 3, "15.00"), (25, 2, "12.50"), (15, 3, "11.25"), (10, 3, "7.50"), (25, 4, "25.00"), (1, 1, "0.25")],
)
def test_it_weighs_as_the_packet_does(weight: int, value: int, points: str) -> None:
    assert str(rubric_points(weight=weight, score=value)) == points


def test_it_sums_to_the_packets_score() -> None:
    result = evaluate(scored())
    assert (str(result.total), str(result.gap), result.passed) == ("68.75", "11.25", False)


def test_exactly_the_threshold_passes() -> None:
    result = evaluate(scored(reliability=3, measurement=4))
    assert (str(result.total), str(result.gap), result.passed) == ("80.00", "0.00", True)


def test_a_category_without_a_score_counts_for_nothing() -> None:
    facts = scored()
    del facts["tests"]
    result = evaluate(facts)
    assert str(result.total) == "57.50"
    assert result.categories[2].note == "no score recorded"


@pytest.mark.parametrize(
    "behind",
    [
        evidence(outcome=Outcome.FAILED),
        evidence(outcome=Outcome.SKIPPED),
        evidence(valid_until=NOW.replace(day=1)),
        evidence(collected_at=NOW.replace(year=2025)),
    ],
    ids=["failed", "skipped", "expired", "old"],
)
def test_a_score_counts_only_while_all_its_evidence_can_be_relied_on(behind: object) -> None:
    facts = scored() | {"delivery": score("delivery", 3, evidence("EV-1"), behind)}  # type: ignore[arg-type]
    result = evaluate(facts)
    assert str(result.total) == "61.25"
    assert result.categories[-1].score == 3
    assert str(result.categories[-1].points) == "0.00"
    assert "EV-1" in result.categories[-1].note


@given(
    weights=st.lists(st.integers(1, 40), min_size=1, max_size=6),
    values=st.lists(st.integers(0, 4), min_size=6, max_size=6),
)
def test_points_are_exact_and_rise_with_the_score(weights: list[int], values: list[int]) -> None:
    total = sum((rubric_points(weight=w, score=v) for w, v in zip(weights, values, strict=False)), Decimal(0))
    assert total * 4 == sum(w * v for w, v in zip(weights, values, strict=False))
    for weight in weights:
        points = [rubric_points(weight=weight, score=value) for value in range(5)]
        assert points == sorted(set(points))
        assert points[4] == weight


@given(st.integers().filter(lambda n: not 0 <= n <= 4))
def test_it_refuses_a_score_out_of_range(value: int) -> None:
    with pytest.raises(ValueError, match="0 to 4"):
        rubric_points(weight=10, score=value)
    assert "0 to 4" in score_change_reason(current=None, score=value, evidence=["EV-1"])


def test_a_score_names_its_evidence() -> None:
    assert "names its evidence" in score_change_reason(current=None, score=3, evidence=[])


def test_a_score_rises_only_on_new_data() -> None:
    current = score("reliability", 2, evidence("EV-1"), evidence("EV-2"))
    assert "rises only on new data" in score_change_reason(current=current, score=3, evidence=["EV-2", "EV-1"])
    assert score_change_reason(current=current, score=3, evidence=["EV-1", "EV-3"]) == ""
    assert score_change_reason(current=current, score=1, evidence=["EV-1"]) == ""
