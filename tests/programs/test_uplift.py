"""The cheapest way to the threshold (requirements 387 to 390)."""

from decimal import Decimal
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.definition import UpliftStep
from readiness.programs.services.rubric import RubricResult, rubric_evaluate
from readiness.programs.services.uplift import uplift_path
from tests.programs.examples import NOW, THRESHOLD, category, score


def step(key: str, start: int, end: int, days: int = 0) -> UpliftStep:
    return UpliftStep(category=key, from_score=start, to_score=end, requirement=f"{key} {end}", needs_days=days)


def rubric(scores: dict[str, tuple[int, int]], threshold: Decimal = THRESHOLD) -> RubricResult:
    """Categories as key → (weight, score)."""
    return rubric_evaluate(
        categories=[category(key, weight) for key, (weight, _) in scores.items()],
        scores={key: score(key, value) for key, (_, value) in scores.items()},
        threshold=threshold,
        at=NOW,
        max_age_days=90,
    )


PACKET = {
    "measurement": (20, 3), "reliability": (25, 2), "tests": (15, 3), "security": (15, 3), "operability": (15, 3),
    "delivery": (10, 3),
}  # fmt: skip
STEPS = [step("measurement", 3, 4), step("reliability", 2, 3, days=7)]


def test_the_packets_path_reaches_exactly_the_threshold() -> None:
    path = uplift_path(steps=STEPS, rubric=rubric(PACKET))
    assert [(s.title, str(s.points), str(s.total_after)) for s in path.steps] == [
        ("Measurement", "5.00", "73.75"),
        ("Reliability", "6.25", "80.00"),
    ]
    assert (str(path.reaches), path.suffices, path.needs_days) == ("80.00", True, 7)


def test_a_step_that_is_done_is_gone() -> None:
    path = uplift_path(steps=STEPS, rubric=rubric(PACKET | {"reliability": (25, 3)}))
    assert [s.step.category for s in path.steps] == ["measurement"]
    assert (
        uplift_path(steps=STEPS, rubric=rubric(PACKET | {"reliability": (25, 3), "measurement": (20, 4)})).steps == ()
    )


def test_it_prefers_no_waiting_over_fewer_steps() -> None:
    start = {"a": (50, 3), "b": (25, 3), "c": (25, 3)}  # 75.00
    steps = [step("a", 3, 4, days=30), step("b", 3, 4), step("c", 3, 4)]
    path = uplift_path(steps=steps, rubric=rubric(start, Decimal("87.50")))
    assert [s.step.category for s in path.steps] == ["b", "c"]


def test_it_overshoots_least_among_equals() -> None:
    start = {"a": (60, 3), "b": (40, 3)}  # 75.00
    path = uplift_path(steps=[step("a", 3, 4), step("b", 3, 4)], rubric=rubric(start, Decimal(80)))
    assert [s.step.category for s in path.steps] == ["b"]


def test_later_steps_of_a_category_come_after_earlier_ones() -> None:
    start = {"a": (50, 1), "b": (50, 4)}  # 62.50
    path = uplift_path(steps=[step("a", 2, 4), step("a", 1, 2)], rubric=rubric(start, Decimal(90)))
    assert [(s.step.from_score, s.step.to_score) for s in path.steps] == [(1, 2), (2, 4)]


def test_steps_that_do_not_reach_it_are_all_shown_and_said_to_fall_short() -> None:
    path = uplift_path(steps=STEPS, rubric=rubric(PACKET, Decimal(95)))
    assert (str(path.reaches), path.suffices, len(path.steps)) == ("80.00", False, 2)


@given(
    values=st.tuples(*[st.integers(0, 4)] * 3),
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 3), st.integers(0, 20)), unique_by=lambda s: s[:2], max_size=8
    ),
    threshold=st.integers(0, 100),
)
def test_no_cheaper_combination_exists(
    values: tuple[int, int, int], steps: list[tuple[str, int, int]], threshold: int
) -> None:
    start = {key: (weight, value) for key, weight, value in zip("abc", (50, 30, 20), values, strict=True)}
    named = [step(key, begin, begin + 1, days) for key, begin, days in steps]
    result = rubric(start, Decimal(threshold))
    path = uplift_path(steps=named, rubric=result)
    best = None
    for goals in product(range(5), repeat=3):  # every reachable set of scores, tried one by one
        taken = [
            next((s for s in named if (s.category, s.from_score) == (key, begin)), None)
            for key, goal in zip("abc", goals, strict=True)
            for begin in range(start[key][1], goal)
        ]
        if None in taken or any(goal < start[key][1] for key, goal in zip("abc", goals, strict=True)):
            continue
        total = result.total + sum(Decimal(start[s.category][0]) / 4 for s in taken if s)
        if total >= threshold:
            cost = (sum(s.needs_days for s in taken if s), len(taken), total)
            best = cost if best is None else min(best, cost)
    if best is None:
        assert not path.suffices
    else:
        assert path.suffices
        assert (path.needs_days, len(path.steps), path.reaches) == best
