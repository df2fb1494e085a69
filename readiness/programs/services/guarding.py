"""Criteria that rest on controls: what broke once has to stay prevented, and that is asked of the controls themselves.

Computed from the states of the lessons' controls, never attested. A control counts once it is due: proven before (and
now proven, stale, broken or ineffective), or named by key, or its date to be proven by has come. What nobody has had
the time to prove yet holds nothing up, and what proves nothing is never a pass: without one control that counts the
criterion is not met. A waived control counts as holding, with its waiver named.
"""

from collections.abc import Sequence
from datetime import datetime

from readiness.programs.services.definition import ControlsAsked, CriterionDefinition
from readiness.programs.services.facts import ControlFact, EvidenceFact, Outcome
from readiness.programs.services.freshness import EvidenceState
from readiness.programs.services.gates import CriterionResult, CriterionStatus

PROVEN, STALE = "proven", "stale"
LOST = ("broken", "ineffective")  # shown to be wrong, rather than not yet shown to be right
UNPROVEN = ("unproven", "failing_before")
NAMED = 5
SHOWN = 50


def guarding_judge(
    *, criterion: CriterionDefinition, asked: ControlsAsked, controls: Sequence[ControlFact] | None, at: datetime
) -> CriterionResult:
    """The criterion by the controls' states now. `controls` is None for a program pinned to its document's date."""
    mine = [control for control in controls or () if _asked_for(control, asked)]
    counting = [control for control in mine if control.ref in asked.keys or _is_due(control, at)]
    missing = sorted(set(asked.keys) - {control.ref for control in mine})
    status, reason, step = _judge(counting, missing, waiting=len(mine) - len(counting), pinned=controls is None)
    shown = sorted(counting, key=lambda control: (_holds(control), control.ref))[:SHOWN]
    return CriterionResult(
        key=criterion.key,
        text=criterion.text,
        status=status,
        reason=reason,
        next_step=step if status is not CriterionStatus.MET else "",
        no_data=not counting,
        evidence=tuple(_evidence(control) for control in shown),
        by="the console",
        computed=True,
        by_waiver=status is CriterionStatus.MET and bool(reason),
    )


def _asked_for(control: ControlFact, asked: ControlsAsked) -> bool:
    if asked.keys and control.ref not in asked.keys:
        return False
    if asked.classes and not {control.error_class, control.error_class.split(".")[0]} & set(asked.classes):
        return False
    return not asked.priorities or control.priority in asked.priorities


def _is_due(control: ControlFact, at: datetime) -> bool:
    return control.state not in UNPROVEN or (control.due_on is not None and control.due_on <= at.date())


def _holds(control: ControlFact) -> bool:
    return control.state == PROVEN or bool(control.waiver)


def _judge(
    counting: Sequence[ControlFact], missing: Sequence[str], *, waiting: int, pinned: bool
) -> tuple[CriterionStatus, str, str]:
    if pinned:
        return CriterionStatus.UNMET, "rests on today's controls, and the program is pinned to a date", "unpin it"
    lost = [control for control in counting if control.state in LOST and not _holds(control)]
    if lost:
        return CriterionStatus.FAILED, _are(lost), "see what failed"
    if missing:
        return CriterionStatus.UNMET, f"{_named(missing)} is no control here", "name another in the program's file"
    if stale := [control for control in counting if control.state == STALE and not _holds(control)]:
        return CriterionStatus.STALE, _are(stale), "run it on main"
    if unproven := [control for control in counting if not _holds(control)]:
        return CriterionStatus.UNMET, _are(unproven), "prove it: red on the broken commit, green on the fix"
    if not counting:
        later = f"; {waiting} not due yet" if waiting else ""
        return CriterionStatus.UNMET, f"no control that counts, so nothing is shown{later}", "prove a control"
    return CriterionStatus.MET, _by_waiver(counting), ""


def _by_waiver(counting: Sequence[ControlFact]) -> str:
    """Whose waiver it takes for the criterion to be met; empty where every control is proven."""
    waived = [control for control in counting if control.state != PROVEN]
    return f"{_are(waived)}, {waived[0].waiver}" if waived else ""


def _are(controls: Sequence[ControlFact]) -> str:
    """`CTL-7 “Budgets are checked” is broken`; the first of several, and how many more."""
    first = controls[0]
    more = f", and {len(controls) - 1} more" if len(controls) > 1 else ""
    return f"{first.ref} “{first.title}” is {first.state.replace('_', ' ')}{more}"


def _named(keys: Sequence[str]) -> str:
    return ", ".join(keys[:NAMED]) + (f" and {len(keys) - NAMED} more" if len(keys) > NAMED else "")


def _evidence(control: ControlFact) -> EvidenceState:
    """A control as the piece of evidence that it is: what it says and until when."""
    outcome = Outcome.PASSED if control.state == PROVEN else Outcome.FAILED if control.state in LOST else Outcome.NONE
    fact = EvidenceFact(
        ref=control.ref,
        kind="control",
        title=control.title,
        url=control.url,
        note=control.waiver or control.reason,
        outcome=outcome,
        collected_at=control.state_at,
        valid_until=control.due_at,
    )
    said = control.state.replace("_", " ")
    reason = "" if control.state == PROVEN else f"is {said}, {control.waiver}" if control.waiver else f"is {said}"
    return EvidenceState(evidence=fact, fresh=_holds(control), relied_on=_holds(control), reason=reason)
