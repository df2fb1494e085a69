"""What stands between a program and its GO, computed and in a fixed order (A2): the score, the required gates in the
file's order, then open incidents by priority. A blocker is never typed in and never typed away.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from readiness.programs.services.facts import IncidentFact
from readiness.programs.services.gates import GateResult, GateStatus
from readiness.programs.services.rubric import RubricResult

BLOCKING_PRIORITIES = ("P0", "P1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """`ref` names the rubric, the gate or the incident; `next_step` what to do, "" when there is nothing to do yet.
    `failed`: something was shown to be wrong, rather than not yet shown to be right.
    """

    kind: Literal["program", "score", "gate", "incident", "pilot"]
    ref: str
    text: str
    next_step: str = ""
    failed: bool = False


def score_blocker(*, rubric: RubricResult | None) -> Blocker | None:
    """The score under its threshold; None when there is no rubric or it passed."""
    if rubric is None or rubric.passed:
        return None
    silent = [c for c in rubric.categories if c.score is None]
    uncounted = [c for c in rubric.categories if c.score is not None and not c.counts]
    text = f"{rubric.total} is {rubric.gap} short of {rubric.threshold}"
    if silent:
        noun = "category has" if len(silent) == 1 else "categories have"
        text += f"; {len(silent)} {noun} no score yet"
    for category in uncounted:
        text += f"; {category.title} does not count: {category.note}"
    return Blocker(kind="score", ref="rubric", text=text, next_step="see the rubric")


def gate_blockers(*, gates: Sequence[GateResult]) -> tuple[Blocker, ...]:
    """Every required gate that is not PASS, in the file's order."""
    return tuple(
        Blocker(
            kind="gate",
            ref=gate.key,
            text=f"{gate.title}: {gate.note}",
            next_step=gate.next_step,
            failed=gate.status is GateStatus.FAIL,
        )
        for gate in gates
        if gate.required and gate.status is not GateStatus.PASS
    )


def incident_blockers(*, incidents: Sequence[IncidentFact]) -> tuple[Blocker, ...]:
    """Every open P0 or P1, confirmed or not: an unconfirmed one blocks too, it only cannot cancel a pilot."""
    standing = [i for i in incidents if i.open and i.priority in BLOCKING_PRIORITIES]
    return tuple(
        Blocker(
            kind="incident",
            ref=incident.ref,
            text=f"{incident.title}: open {incident.priority}" + ("" if incident.confirmed else ", not yet confirmed"),
            next_step="prevent it" if incident.confirmed else "confirm or dismiss it",
        )
        for incident in sorted(standing, key=lambda i: (i.priority, i.first_seen))
    )
