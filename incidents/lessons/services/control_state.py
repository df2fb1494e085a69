"""The state of a control, as a pure function of its runs in the order received (INTERFACES, /v1/controls/…/runs).

A lesson is not learnt until a control proves it. What single runs do stands in control_judging.py; here is what the
progress that they come to means at a moment. `control_state_compute` over a whole history gives the same verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from incidents.lessons.services.control_history import Progress, Recurrence, Run
from incidents.lessons.services.control_judging import control_history_fold
from incidents.triage.services.ops_health import count_words


class ControlKind(StrEnum):
    """Requirement 55: a check is run, a rule guards, a playbook entry is read."""

    CHECK = "check"
    RULE = "rule"
    PLAYBOOK = "playbook"


class ControlState(StrEnum):
    UNPROVEN = "unproven"
    FAILING_BEFORE = "failing_before"
    PROVEN = "proven"
    BROKEN = "broken"
    STALE = "stale"
    INEFFECTIVE = "ineffective"
    RECORDED = "recorded"


# Those that somebody has promised to prove, by a day.
AWAITED = (ControlState.UNPROVEN, ControlState.FAILING_BEFORE)


@dataclass(frozen=True, slots=True)
class ControlVerdict:
    """`reason` says why the control is in this state, and what leads on. `due_at`: when a pass on main is next due."""

    state: ControlState
    reason: str
    due_at: datetime | None = None


def control_state_compute(
    *,
    history: Iterable[Run | Recurrence],
    kind: ControlKind,
    version: int,
    broken_commits: Sequence[str],
    period: timedelta,
    now: datetime,
) -> ControlVerdict:
    """The verdict over a whole history, in the order received."""
    progress = control_history_fold(history=history, broken_commits=broken_commits)
    return control_state_derive(
        progress=progress, kind=kind, version=version, period=period, now=now, has_broken_commit=bool(broken_commits)
    )


def control_state_derive(
    *,
    progress: Progress,
    kind: ControlKind,
    version: int,
    period: timedelta,
    now: datetime,
    has_broken_commit: bool = True,
) -> ControlVerdict:
    """The state that a progress means at one moment: time alone turns `proven` into `stale`."""
    if kind is ControlKind.PLAYBOOK:
        return ControlVerdict(ControlState.RECORDED, "A playbook entry is read, not run.")
    progress = progress.of_version(version)
    if progress.ineffective_version:
        return ControlVerdict(ControlState.INEFFECTIVE, _ineffective_reason(progress, version))
    if not progress.proofs:
        return _before_proof(progress, has_broken_commit)
    proof = progress.proofs[-1]
    green_at = progress.green_at or now
    due_at = green_at + period
    if progress.failing_commit:
        return ControlVerdict(
            ControlState.BROKEN,
            f"It fails on the main ref at {progress.failing_commit[:12]}. A pass there makes it proven again.",
            due_at,
        )
    if now > due_at:
        return ControlVerdict(
            ControlState.STALE,
            f"No pass on the main ref since {green_at:%Y-%m-%d %H:%M} UTC; its period is {_days(period)}. "
            "Run it on main: a pass makes it proven again.",
            due_at,
        )
    return ControlVerdict(
        ControlState.PROVEN,
        f"{count_words(len(proof.checks), 'check')} failed on {proof.broken_commit[:12]} and passed on "
        f"{proof.fixed_commit[:12]}; the next pass on main is due by {due_at:%Y-%m-%d %H:%M} UTC.",
        due_at,
    )


def _before_proof(progress: Progress, has_broken_commit: bool) -> ControlVerdict:
    if progress.reds:
        red = progress.reds[-1]
        return ControlVerdict(
            ControlState.FAILING_BEFORE,
            f"{count_words(len(red.checks), 'check')} failed on the broken commit {red.commit[:12]}. "
            "Now pass it on the fix, with the same command and overlay.",
        )
    if not has_broken_commit:
        return ControlVerdict(
            ControlState.UNPROVEN, "The root cause names no broken commit yet: name one, then let the check fail on it."
        )
    return ControlVerdict(
        ControlState.UNPROVEN, "It has not failed on a commit that the root cause names as broken: run it there first."
    )


def _ineffective_reason(progress: Progress, version: int) -> str:
    when = f" ({progress.ineffective_at:%Y-%m-%d %H:%M} UTC)" if progress.ineffective_at else ""
    text = f"The incident came back while version {progress.ineffective_version} was green{when}. "
    if version > progress.ineffective_version:
        return text + f"Version {version} needs a red of its own: run it on a broken commit."
    return text + "Change the control: a new version with a new red leads out."


def _days(period: timedelta) -> str:
    return count_words(period.days, "day") if period.days else f"{period.total_seconds() / 3600:g} hours"
