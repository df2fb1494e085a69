"""From a definition and the recorded facts to the verdict: one pure function for page, API and command."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from readiness.programs.services.blockers import Blocker, gate_blockers, incident_blockers, score_blocker
from readiness.programs.services.cadence import (
    ScheduledReview,
    deciding_review,
    earliest_decision,
    review_next,
    reviews_schedule,
)
from readiness.programs.services.definition import Frozen, ProgramDefinition, ProgramKind
from readiness.programs.services.facts import ProgramFacts
from readiness.programs.services.gates import GateResult, gates_evaluate
from readiness.programs.services.guarding import guarding_judge
from readiness.programs.services.rubric import RubricResult, rubric_evaluate
from readiness.programs.services.uplift import UpliftPath, uplift_path
from readiness.programs.services.verdict import VerdictWord, go_verdict, pilot_verdict

NOTHING_TO_EVALUATE = Blocker(
    kind="program",
    ref="program",
    text="Nothing in this program can be evaluated: it has no required gate and no rubric",
    next_step="add gates or a rubric to its file and import it again",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """A verdict with everything that it follows from. `as_of` is set for a program pinned to its document's date;
    `evaluable` is False when there is nothing to judge; `earliest` is the first review that could say GO.
    """

    program: ProgramDefinition
    verdict: VerdictWord
    evaluable: bool
    rubric: RubricResult | None
    gates: tuple[GateResult, ...]
    blockers: tuple[Blocker, ...]
    uplift: UpliftPath | None
    reviews: tuple[ScheduledReview, ...]
    next_review: date | None
    earliest: date | None
    warnings: tuple[str, ...]
    as_of: date | None
    evaluated_at: datetime
    frozen: Frozen | None = None


def program_evaluate(
    *,
    program: ProgramDefinition,
    facts: ProgramFacts,
    now: datetime,
    as_of: date | None,
    frozen: Frozen | None = None,
) -> Evaluation:
    """The verdict at `now`, or at the end of the day `as_of` for a pinned program (freshness and calendar use it).

    Of a frozen program (by its file, or by the document that it is pinned to) no verdict is asked: its gates are shown
    as they stand, nothing is evaluable and its reviews stop.
    """
    frozen = program.frozen or frozen
    moment = datetime.combine(as_of, time.max, UTC) if as_of else now
    rubric = _rubric(program=program, facts=facts, at=moment)
    gates = gates_evaluate(
        gates=program.gates,
        attestations={a.criterion: a for a in facts.attestations},
        at=moment,
        max_age_days=program.evidence_max_age_days,
        computed=facts.computed,
        guarded={
            criterion.key: guarding_judge(criterion=criterion, asked=asked, controls=facts.controls, at=moment)
            for gate in program.gates
            for criterion in gate.criteria
            if (asked := criterion.controls) is not None
        },
    )
    evaluable = frozen is None and (rubric is not None or any(gate.required for gate in gates))
    verdict, blockers = _verdict(program=program, facts=facts, rubric=rubric, gates=gates, evaluable=evaluable)
    if frozen is not None:
        verdict, blockers = _SHUT[program.kind], (_frozen_blocker(frozen),)
        program = replace(program, reviews=())
    uplift = uplift_path(steps=program.uplift, rubric=rubric) if rubric else None
    today = moment.date()
    reviews = reviews_schedule(reviews=program.reviews, after=today)
    deciding = deciding_review(reviews=program.reviews)
    waits = uplift is not None and bool(uplift.steps) and uplift.suffices
    return Evaluation(
        program=program,
        verdict=verdict,
        evaluable=evaluable,
        rubric=rubric,
        gates=gates,
        blockers=blockers,
        uplift=uplift,
        reviews=reviews,
        next_review=review_next(review=deciding, after=today) if deciding else None,
        earliest=earliest_decision(reviews=program.reviews, today=today, needs_days=uplift.needs_days)
        if uplift is not None and waits
        else None,
        warnings=tuple(r.warning for r in reviews if r.warning),
        as_of=as_of,
        evaluated_at=now,
        frozen=frozen,
    )


# A frozen program never says yes.
_SHUT = {ProgramKind.GO: VerdictWord.NO_GO, ProgramKind.PILOT: VerdictWord.EXTEND}


def _frozen_blocker(frozen: Frozen) -> Blocker:
    since = f" since {frozen.since}" if frozen.since else ""
    step = "take `frozen` out of its file and import it again"
    return Blocker(kind="program", ref="frozen", text=f"Frozen{since}: {frozen.reason}", next_step=step)


def _rubric(*, program: ProgramDefinition, facts: ProgramFacts, at: datetime) -> RubricResult | None:
    if not program.categories:
        return None
    return rubric_evaluate(
        categories=program.categories,
        scores={score.category: score for score in facts.scores},
        threshold=program.threshold if program.threshold is not None else Decimal(100),
        at=at,
        max_age_days=program.evidence_max_age_days,
    )


def _verdict(
    *,
    program: ProgramDefinition,
    facts: ProgramFacts,
    rubric: RubricResult | None,
    gates: tuple[GateResult, ...],
    evaluable: bool,
) -> tuple[VerdictWord, tuple[Blocker, ...]]:
    score = score_blocker(rubric=rubric)
    nothing = () if evaluable else (NOTHING_TO_EVALUATE,)
    unmet = (*nothing, *((score,) if score else ()), *gate_blockers(gates=gates))
    if program.kind is ProgramKind.PILOT:
        return pilot_verdict(unmet=unmet, incidents=facts.incidents, pilot=facts.pilot, evaluable=evaluable)
    blockers = (*unmet, *incident_blockers(incidents=facts.incidents))
    return go_verdict(blockers=blockers, evaluable=evaluable), blockers
