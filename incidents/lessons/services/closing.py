"""May this incident be called prevented, or closed? DESIGN's rule, with what is missing and what to do about it.

P0 and P1 (requirements 348-350) need a root cause, a lesson and at least one proven check or rule; P2 and P3 (351, 352)
a proven check or rule, or a playbook entry alone. A waiver that counts now (services.waivers) stands in for the proof,
and for nothing else; the verdict names it. P0 and P1 are closed with a post-mortem only. An incident that produces none
of these controls "will happen again" (56).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons.services.control_state import ControlKind, ControlState
from incidents.lessons.services.waivers import WaiverFact
from incidents.triage.services.response import is_grave

_NEXT_STEP = {
    ControlState.UNPROVEN: "let it fail on the broken commit, then pass on the fix",
    ControlState.FAILING_BEFORE: "pass it on the fix, with the same command and overlay",
    ControlState.BROKEN: "mend main until it passes there",
    ControlState.STALE: "run it on main",
    ControlState.INEFFECTIVE: "make a new version of it and let that fail first",
}


@dataclass(frozen=True, slots=True)
class ControlFact:
    """A control as the rule sees it. `key` is `CTL-<n>`; `waiver` the one that counts for it now, if any."""

    key: str
    kind: ControlKind
    state: ControlState
    waiver: WaiverFact | None = None

    @property
    def by_waiver(self) -> WaiverFact | None:
        """The waiver by which it counts although it was proven once and is stale or broken."""
        return self.waiver if self.state in (ControlState.STALE, ControlState.BROKEN) else None


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that stands in the way. `part`: root_cause, lesson, post_mortem or control."""

    part: str
    text: str


@dataclass(frozen=True, slots=True)
class ClosingVerdict:
    """`will_recur` is requirement 56's flag: no control of any kind came out of this incident. `waivers`: those without
    which it would not be allowed; `proven`: a check or a rule is.
    """

    allowed: bool
    missing: tuple[Missing, ...]
    will_recur: bool
    waivers: tuple[WaiverFact, ...] = ()
    proven: bool = False

    @property
    def reason(self) -> str:
        """All that is missing, as one sentence for a refusal."""
        return " ".join(item.text for item in self.missing)

    @property
    def by_waiver(self) -> str:
        """Who let it count and until when, as one sentence; empty where nothing is waived."""
        return f"Only by a waiver: {'; '.join(waiver.said for waiver in self.waivers)}." if self.waivers else ""


def incident_closing_evaluate(
    *,
    priority: str,
    has_root_cause: bool,
    has_lesson: bool,
    controls: Sequence[ControlFact],
    recurrences: int = 0,
    waiver: WaiverFact | None = None,
    has_post_mortem: bool = True,
) -> ClosingVerdict:
    """Whether the incident may be marked prevented or closed. `priority` is P0 to P3; any other counts as grave.
    `waiver`: the one by which it may close without a proven control, if one counts now. `has_post_mortem`: False only
    where one is asked for, which is at closing (348); a waiver does not stand in for it.

    A root cause from before the last recurrence is none: it did not see that one coming.
    """
    missing: list[Missing] = []
    grave = is_grave(priority)
    if grave and not has_root_cause and recurrences:
        text = "It came back since the root cause was written: revise it, and name the commit that is broken now."
        missing.append(Missing("root_cause", text))
    elif grave and not has_root_cause:
        text = "The root cause is not written, or has no evidence: say why it could happen, and pin what shows it."
        missing.append(Missing("root_cause", text))
    if grave and not has_lesson:
        missing.append(Missing("lesson", "No lesson is written: say what we believed, what was true, what we do now."))
    if grave and not has_post_mortem:
        text = f"No post-mortem is written, and a {priority} needs one: what happened, whom it hit, what went wrong."
        missing.append(Missing("post_mortem", text))
    runnable = [c for c in controls if c.kind is not ControlKind.PLAYBOOK]
    proven = any(c.state is ControlState.PROVEN for c in runnable)
    playbook = any(c.kind is ControlKind.PLAYBOOK for c in controls)
    waived: tuple[WaiverFact, ...] = ()
    if not proven and (grave or not playbook):
        covered = [c.by_waiver for c in runnable if c.by_waiver is not None]
        waived = tuple(covered) or ((waiver,) if waiver is not None else ())
    if not proven and not waived and (grave or not playbook):
        missing.append(Missing("control", _control_text(priority, runnable, playbook=playbook, grave=grave)))
    return ClosingVerdict(
        allowed=not missing, missing=tuple(missing), will_recur=not controls, waivers=waived, proven=proven
    )


def _control_text(priority: str, runnable: list[ControlFact], *, playbook: bool, grave: bool) -> str:
    if runnable:
        listed = "; ".join(f"{c.key} is {c.state.replace('_', ' ')}: {_NEXT_STEP[c.state]}" for c in runnable[:5])
        return f"No check or rule is proven yet ({listed})."
    if grave and playbook:
        return f"A playbook entry alone does not close a {priority}: add a check or a rule and prove it."
    if grave:
        return "It has no preventive control, so it will happen again: add a check or a rule and prove it."
    return "It has no preventive control, so it will happen again: add a playbook entry, or prove a check or a rule."
