"""The way to the threshold: which of the named steps reach it, and at what price (requirements 387 to 390).

The cheapest path is, among all combinations of steps that reach the threshold, the one that waits the fewest days, then
has the fewest steps, then overshoots least. Within one category steps are taken in turn (3 → 4 only after 2 → 3).
Points are whole quarters (weight · score / 4), so the search is a small knapsack over at most 400 quarters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from readiness.programs.services.definition import UpliftStep
from readiness.programs.services.rubric import TWO_PLACES, CategoryResult, RubricResult, rubric_points

_Cost = tuple[int, int]  # days of waiting, number of steps
_QUARTERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Option:
    """Some first steps of one category taken together, in quarters of a point and days."""

    steps: tuple[UpliftStep, ...]
    quarters: int
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PathStep:
    """One step of the path with what it adds and the total after it."""

    step: UpliftStep
    title: str
    points: Decimal
    total_after: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftPath:
    """`reaches` the total at its end; `suffices` when that is the threshold or more; `needs_days` its waiting time."""

    steps: tuple[PathStep, ...]
    reaches: Decimal
    suffices: bool
    needs_days: int


def uplift_path(*, steps: Sequence[UpliftStep], rubric: RubricResult) -> UpliftPath:
    """The cheapest path to the threshold; every named step that is open, when even all of them do not reach it.

    Steps below the current score are done, and steps of a category whose score does not count are not open.
    """
    if rubric.passed:
        return UpliftPath(steps=(), reaches=rubric.total, suffices=True, needs_days=0)
    prefixes = [_open_prefixes(steps=steps, category=category) for category in rubric.categories]
    wanted = ceil(rubric.gap * _QUARTERS)
    chosen = _cheapest(prefixes=prefixes, wanted=wanted)
    if chosen is None:
        chosen = tuple(step for options in prefixes if options for step in options[-1].steps)
    return _lay_out(chosen=chosen, steps=steps, rubric=rubric)


def _open_prefixes(*, steps: Sequence[UpliftStep], category: CategoryResult) -> list[_Option]:
    """(first), (first, second), … of the steps that lead on from the category's present score."""
    options: list[_Option] = []
    taken: tuple[UpliftStep, ...] = ()
    score = category.score if category.counts else None
    while step := next(
        (s for s in steps if s.category == category.key and s.from_score == score and s.to_score > s.from_score), None
    ):
        taken, score = (*taken, step), step.to_score
        gained = sum(s.to_score - s.from_score for s in taken) * category.weight
        options.append(_Option(steps=taken, quarters=gained, days=sum(s.needs_days for s in taken)))
    return options


def _cheapest(*, prefixes: Sequence[Sequence[_Option]], wanted: int) -> tuple[UpliftStep, ...] | None:
    best: dict[int, tuple[_Cost, tuple[UpliftStep, ...]]] = {0: ((0, 0), ())}
    for options in prefixes:
        for gained, ((days, count), path) in list(best.items()):
            for option in options:
                reached = gained + option.quarters
                candidate = ((days + option.days, count + len(option.steps)), path + option.steps)
                if reached not in best or candidate[0] < best[reached][0]:
                    best[reached] = candidate
    enough = [(cost, gained, path) for gained, (cost, path) in best.items() if gained >= wanted]
    return min(enough, key=lambda e: (e[0], e[1]))[2] if enough else None


def _lay_out(*, chosen: Sequence[UpliftStep], steps: Sequence[UpliftStep], rubric: RubricResult) -> UpliftPath:
    by_key = {category.key: category for category in rubric.categories}
    total = rubric.total
    laid: list[PathStep] = []
    for step in _in_turn(chosen, steps):
        category = by_key[step.category]
        points = rubric_points(weight=category.weight, score=step.to_score) - rubric_points(
            weight=category.weight, score=step.from_score
        )
        total = (total + points).quantize(TWO_PLACES)
        laid.append(PathStep(step=step, title=category.title, points=points, total_after=total))
    return UpliftPath(
        steps=tuple(laid),
        reaches=total,
        suffices=total >= rubric.threshold,
        needs_days=sum(step.needs_days for step in chosen),
    )


def _in_turn(chosen: Sequence[UpliftStep], steps: Sequence[UpliftStep]) -> list[UpliftStep]:
    """What needs no waiting first, then as the file has them; within a category from the lower score to the higher."""

    def place(step: UpliftStep) -> tuple[int, int, int]:
        before = [s for s in chosen if s.category == step.category and s.from_score <= step.from_score]
        first = min(i for i, s in enumerate(steps) if s.category == step.category)
        return max(s.needs_days for s in before), first, step.from_score

    return sorted(chosen, key=place)
