"""Gates: their status follows from evidence, never from a typed word (requirements 370 and 378).

A criterion is met only by evidence that is attached, fresh, and neither failed nor skipped. A gate is PASS when all its
criteria are met and every gate that it waits for is PASS; FAIL when a criterion was shown to fail; IN_PROGRESS for
everything else: missing, stale, skipped, or waiting. Stale is not FAIL because nothing was shown to be wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from readiness.programs.services.definition import Comparator, Computed, CriterionDefinition, GateDefinition
from readiness.programs.services.facts import AttestationFact, Claim, ComputedFact, Outcome
from readiness.programs.services.freshness import EvidenceState, evidence_state


class GateStatus(StrEnum):
    PASS = "PASS"  # noqa: S105  the documents' word, no password
    IN_PROGRESS = "IN_PROGRESS"
    FAIL = "FAIL"


class CriterionStatus(StrEnum):
    MET = "met"
    UNMET = "unmet"
    STALE = "stale"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionResult:
    """A criterion as evaluated; `reason` says in one clause why it is not met, `no_data` that nothing was recorded;
    `computed`: it follows from controls, and nobody attests to it; `by_waiver`: it is met only because somebody waived
    the proof, and `reason` says who.
    """

    key: str
    text: str
    status: CriterionStatus
    reason: str
    next_step: str
    no_data: bool
    evidence: tuple[EvidenceState, ...]
    by: str = ""
    at: datetime | None = None
    computed: bool = False
    by_waiver: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """A gate as evaluated. `waiting_for`: keys of the gates that must pass first; `note` is the reason to show."""

    key: str
    title: str
    required: bool
    status: GateStatus
    note: str
    next_step: str
    waiting_for: tuple[str, ...]
    criteria: tuple[CriterionResult, ...]

    @property
    def by_waiver(self) -> bool:
        """It passes, and would not without a waiver; `note` names it."""
        return self.status is GateStatus.PASS and any(criterion.by_waiver for criterion in self.criteria)


def gates_evaluate(
    *,
    gates: Sequence[GateDefinition],
    attestations: Mapping[str, AttestationFact],
    at: datetime,
    max_age_days: int,
    computed: Mapping[Computed, ComputedFact] | None = None,
    guarded: Mapping[str, CriterionResult] | None = None,
) -> tuple[GateResult, ...]:
    """Every gate in the file's order. `attestations` holds the newest word per criterion key, `computed` what the
    console found out by itself, `guarded` the criteria that rest on controls (services.guarding).

    Dependencies may point forwards or backwards but never in a circle (`gate_cycle` refuses that on import).
    """
    by_key = {gate.key: gate for gate in gates}
    judged = {
        gate.key: tuple(
            computed_judge(criterion=criterion, fact=(computed or {}).get(criterion.computed))
            if criterion.computed
            else (guarded or {}).get(criterion.key)
            or criterion_judge(
                criterion=criterion,
                attestation=attestations.get(criterion.key),
                at=at,
                max_age_days=criterion.max_age_days or max_age_days,
            )
            for criterion in gate.criteria
        )
        for gate in gates
    }
    done: dict[str, GateResult] = {}

    def settle(key: str) -> GateResult:
        if key not in done:
            gate = by_key[key]
            waiting = tuple(k for k in gate.waits_for if settle(k).status is not GateStatus.PASS)
            done[key] = _gate_result(gate=gate, criteria=judged[key], waiting_for=waiting)
        return done[key]

    return tuple(settle(gate.key) for gate in gates)


def _gate_result(
    *, gate: GateDefinition, criteria: tuple[CriterionResult, ...], waiting_for: tuple[str, ...]
) -> GateResult:
    failed = next((c for c in criteria if c.status is CriterionStatus.FAILED), None)
    open_ = next((c for c in criteria if c.status is not CriterionStatus.MET), None)
    if failed:
        status, note, step = GateStatus.FAIL, failed.reason, failed.next_step
    elif waiting_for:
        status, note, step = GateStatus.IN_PROGRESS, f"waits for {' and '.join(waiting_for)}", ""
    elif open_:
        status, note, step = GateStatus.IN_PROGRESS, open_.reason, open_.next_step
    elif not criteria:
        status, note, step = GateStatus.IN_PROGRESS, "asks for nothing, so nothing can be shown", ""
    else:
        status, note, step = GateStatus.PASS, next((c.reason for c in criteria if c.by_waiver), ""), ""
    return GateResult(
        key=gate.key,
        title=gate.title,
        required=gate.required,
        status=status,
        note=note,
        next_step=step,
        waiting_for=waiting_for,
        criteria=criteria,
    )


def criterion_judge(
    *, criterion: CriterionDefinition, attestation: AttestationFact | None, at: datetime, max_age_days: int
) -> CriterionResult:
    """Hold the newest word on a criterion against its evidence; fails closed on everything that is missing."""
    facts = attestation.evidence if attestation else ()
    states = tuple(evidence_state(evidence=e, at=at, max_age_days=max_age_days) for e in facts)
    status, reason = _judge(criterion=criterion, attestation=attestation, states=states)
    step = criterion.next_step or "attach evidence"
    if status is CriterionStatus.STALE:
        step = "collect it anew"
    elif status is CriterionStatus.FAILED:
        step = "see what failed"
    return CriterionResult(
        key=criterion.key,
        text=criterion.text,
        status=status,
        reason=reason,
        next_step="" if status is CriterionStatus.MET else step,
        no_data=not states,
        evidence=states,
        by=attestation.by if attestation else "",
        at=attestation.at if attestation else None,
    )


def computed_judge(*, criterion: CriterionDefinition, fact: ComputedFact | None) -> CriterionResult:
    """A criterion that the console answers by itself: met, or not; without an answer it is not met."""
    met, known = fact is not None and fact.met, fact is not None and fact.known
    return CriterionResult(
        key=criterion.key,
        text=criterion.text,
        status=CriterionStatus.MET if met else CriterionStatus.UNMET,
        reason=fact.text if fact else criterion.unmet or "not known",
        next_step="" if met else criterion.next_step,
        no_data=not known,
        evidence=(),
        by="the console",
        computed=True,
    )


def _judge(
    *, criterion: CriterionDefinition, attestation: AttestationFact | None, states: Sequence[EvidenceState]
) -> tuple[CriterionStatus, str]:
    if attestation is None or not states:
        return CriterionStatus.UNMET, criterion.unmet or "no evidence attached"
    if failure := _failure(criterion=criterion, attestation=attestation, states=states):
        return CriterionStatus.FAILED, failure
    if skipped := next((s for s in states if s.evidence.outcome is Outcome.SKIPPED), None):
        return CriterionStatus.UNMET, skipped.named_reason
    if stale := next((s for s in states if not s.fresh), None):
        return CriterionStatus.STALE, stale.named_reason
    if criterion.comparator is not None:
        return _judge_value(criterion=criterion, states=states)
    if attestation.claim is Claim.NOTED:
        return CriterionStatus.UNMET, criterion.unmet or "evidence attached, nobody has attested that it is enough"
    return CriterionStatus.MET, ""


def _failure(*, criterion: CriterionDefinition, attestation: AttestationFact, states: Sequence[EvidenceState]) -> str:
    if failed := next((s for s in states if s.evidence.outcome is Outcome.FAILED), None):
        return failed.named_reason
    if missed := next((s for s in states if _misses(criterion, s)), None):
        return _missed_text(criterion, missed)
    return f"{attestation.by} attested that it is not met" if attestation.claim is Claim.NOT_MET else ""


def _judge_value(*, criterion: CriterionDefinition, states: Sequence[EvidenceState]) -> tuple[CriterionStatus, str]:
    other = next((s.evidence for s in states if s.evidence.value is not None and not _same_unit(criterion, s)), None)
    if other:
        return CriterionStatus.UNMET, f"{other.ref} is measured in {other.unit}, the criterion in {criterion.unit}"
    if not any(s.evidence.value is not None for s in states):
        return CriterionStatus.UNMET, f"{states[0].evidence.ref} carries no value to hold against the threshold"
    return CriterionStatus.MET, ""


def _same_unit(criterion: CriterionDefinition, state: EvidenceState) -> bool:
    return not state.evidence.unit or state.evidence.unit == criterion.unit


def _misses(criterion: CriterionDefinition, state: EvidenceState) -> bool:
    value = state.evidence.value
    if criterion.comparator is None or value is None or not _same_unit(criterion, state):
        return False
    return not value_meets(criterion=criterion, value=value)


def value_meets(*, criterion: CriterionDefinition, value: Decimal) -> bool:
    """Whether a value is on the right side of the criterion's threshold. Raises ValueError without a threshold."""
    if criterion.comparator is None or criterion.threshold is None:
        raise ValueError(f"{criterion.key} has no threshold.")
    threshold = criterion.threshold
    return {
        Comparator.AT_LEAST: value >= threshold,
        Comparator.AT_MOST: value <= threshold,
        Comparator.ABOVE: value > threshold,
        Comparator.BELOW: value < threshold,
        Comparator.EQUALS: value == threshold,
    }[criterion.comparator]


def _missed_text(criterion: CriterionDefinition, state: EvidenceState) -> str:
    assert criterion.comparator is not None
    words = criterion.comparator.value.replace("_", " ").replace("equals", "exactly")
    aggregation = f" ({criterion.aggregation})" if criterion.aggregation else ""
    unit = criterion.unit
    shown = f"{state.evidence.value}{unit}{aggregation}"
    return f"{state.evidence.title} ({state.evidence.ref}) shows {shown}, {words} {criterion.threshold}{unit} is needed"


def gate_cycle(*, waits_for: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A circle of gates that wait for each other, first key repeated at the end; empty when there is none."""
    settled: set[str] = set()

    def visit(key: str, trail: tuple[str, ...]) -> tuple[str, ...]:
        if key in trail:
            return (*trail[trail.index(key) :], key)
        if key in settled:
            return ()
        for following in waits_for.get(key, ()):
            if circle := visit(following, (*trail, key)):
                return circle
        settled.add(key)
        return ()

    return next((circle for key in waits_for if (circle := visit(key, ()))), ())
