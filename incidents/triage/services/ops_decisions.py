"""OpsDecisionOutcome: what the system decided, the answer to "What decisions did the system make?" (142). Pure.

Where decisions come from is a DecisionSource, named by settings.READINESS_DECISION_SOURCE. While that is empty, nothing
is connected, and the answer says so: an empty list alone would read as "none were made".
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

OUTCOMES_MOST = 100
NOT_CONNECTED = (
    "No source of decisions is connected, so nothing is known of what the system decided. Name one in the setting "
    "READINESS_DECISION_SOURCE."
)


@dataclass(frozen=True, slots=True)
class DecisionCount:
    """What a source has counted: so many decisions of one engine ended so in the window. `last_id` is the newest."""

    engine: str
    outcome: str
    decisions: int
    last_at: datetime
    last_id: str


class DecisionSource(Protocol):
    """A READ_ONLY reader: the counts of [since, until] of one project, or of all when `project_id` is None, at most
    `limit` of them, the most frequent first.
    """

    def __call__(
        self, *, since: datetime, until: datetime, project_id: int | None, limit: int
    ) -> Sequence[DecisionCount]: ...


@dataclass(frozen=True, slots=True)
class OpsDecisionOutcome:
    """One outcome of an engine; `share` is its part of that engine's decisions in the window, 0 to 1."""

    engine: str
    outcome: str
    decisions: int
    share: float
    last_at: datetime
    last_id: str


@dataclass(frozen=True, slots=True)
class DecisionsRead:
    """A window's outcomes, by engine, the most frequent first; `connected` False: nobody was there to be asked."""

    connected: bool
    detail: str
    outcomes: tuple[OpsDecisionOutcome, ...]
    start: datetime
    end: datetime


def decisions_read(
    *, source: DecisionSource | None, since: datetime, until: datetime, project_id: int | None = None
) -> DecisionsRead:
    """What the source knows of the window, as an operator reads it."""
    if source is None:
        return DecisionsRead(False, NOT_CONNECTED, (), since, until)
    outcomes = decision_outcomes(
        counts=source(since=since, until=until, project_id=project_id, limit=OUTCOMES_MOST)[:OUTCOMES_MOST]
    )
    detail = "" if outcomes else "The source is connected; it knows of no decision in this window."
    return DecisionsRead(True, detail, tuple(outcomes), since, until)


def decision_outcomes(*, counts: Iterable[DecisionCount]) -> list[OpsDecisionOutcome]:
    """Counts as outcomes with their shares; the shares of an engine add up to 1."""
    found = [count for count in counts if count.decisions > 0]
    totals: Counter[str] = Counter()
    for count in found:
        totals[count.engine] += count.decisions
    outcomes = [
        OpsDecisionOutcome(
            engine=count.engine,
            outcome=count.outcome,
            decisions=count.decisions,
            share=round(count.decisions / totals[count.engine], 4),
            last_at=count.last_at,
            last_id=count.last_id,
        )
        for count in found
    ]
    return sorted(outcomes, key=lambda outcome: (outcome.engine, -outcome.decisions, outcome.outcome))
