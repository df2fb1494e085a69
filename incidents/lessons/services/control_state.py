"""The state of a control, as a pure function of its runs in the order received (INTERFACES, /v1/controls/…/runs).

A lesson is not learnt until a control proves it: the same check, with the same command and overlay, first fails on a
commit that the root cause names as broken and then passes on another. Errors, skipped checks and empty runs change
nothing and refresh nothing; runs off the main ref never break; only a new version with a new red leads out of
`ineffective`.

The history is folded one run at a time into a small `Progress`, which the store keeps beside the control, so that the
thousandth run costs what the first one did. `control_state_compute` over the whole history gives the same verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

SHORTEST_COMMIT = 7
KEPT_REDS = 20
KEPT_PROOFS = 20


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


class Outcome(StrEnum):
    """Of a run: passed, failed, error. Of one check in it: these and skipped."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """One report of a control's command. `version` is the control's when the run was received; `overlay` is the
    sha256 of the files laid over the commit, or empty; times are aware UTC; `sequence` names the run in `milestones`.
    """

    version: int
    outcome: Outcome
    commit: str
    on_main: bool
    command: str
    overlay: str
    checks: tuple[CheckResult, ...]
    finished_at: datetime
    received_at: datetime
    sequence: int = 0

    def ids(self, outcome: Outcome) -> frozenset[str]:
        return frozenset(check.id for check in self.checks if check.outcome is outcome)

    @property
    def moment(self) -> datetime:
        """When its evidence dates from: a reporter's fast clock never makes it fresher than its arrival."""
        return min(self.finished_at, self.received_at)


@dataclass(frozen=True, slots=True)
class Recurrence:
    """The control's incident came back while the control (of this version) was green."""

    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Red:
    """Checks that failed on a broken commit, still without their pass."""

    command: str
    overlay: str
    commit: str
    checks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Proof:
    """Checks that failed on `broken_commit` and then passed on `fixed_commit`, same command, same overlay."""

    command: str
    overlay: str
    broken_commit: str
    fixed_commit: str
    checks: frozenset[str]


@dataclass(frozen=True, slots=True)
class Progress:
    """All that the history has come to. `green_at` dates the newest pass that counts, `failing_commit` is the commit
    of the main ref on which `failing_checks`, proven ones, fail since `failing_at`, `ineffective_version` the version
    that a recurrence refuted, `milestones` the newest run (its sequence) of each effect.
    """

    version: int = 0
    reds: tuple[Red, ...] = ()
    proofs: tuple[Proof, ...] = ()
    green_at: datetime | None = None
    failing_commit: str = ""
    failing_at: datetime | None = None
    failing_checks: frozenset[str] = frozenset()
    ineffective_version: int = 0
    ineffective_at: datetime | None = None
    milestones: dict[str, int] = field(default_factory=dict)


class RunEffect(StrEnum):
    """What one run did: nothing, a red, the green that answers one, or a pass or a failure on main that counts."""

    NONE = "none"
    RED = "red"
    PROOF = "proof"
    MAIN_PASSED = "main_passed"
    MAIN_FAILED = "main_failed"


@dataclass(frozen=True, slots=True)
class Advance:
    """The progress after one run, what the run did to it, and why (or why not)."""

    progress: Progress
    effect: RunEffect
    text: str


@dataclass(frozen=True, slots=True)
class ControlVerdict:
    """`reason` says why the control is in this state, and what leads on. `due_at`: when a pass on main is next due."""

    state: ControlState
    reason: str
    due_at: datetime | None = None


def commit_matches(first: str, second: str) -> bool:
    """Whether two ids name one commit; people abbreviate them, to seven characters at the shortest."""
    shorter, longer = sorted((first.lower(), second.lower()), key=len)
    return len(shorter) >= SHORTEST_COMMIT and longer.startswith(shorter)


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


def control_history_fold(*, history: Iterable[Run | Recurrence], broken_commits: Sequence[str]) -> Progress:
    """The progress after a whole history; needed again only when the root cause names other commits."""
    progress = Progress()
    for item in history:
        if isinstance(item, Recurrence):
            progress = control_recurrence_apply(progress=progress, recurrence=item)
        else:
            progress = control_run_apply(progress=progress, run=item, broken_commits=broken_commits).progress
    return progress


def control_run_apply(*, progress: Progress, run: Run, broken_commits: Sequence[str]) -> Advance:
    """One run more. Counts as a red, as the green that completes a proof, as a pass or a failure on main, or not."""
    advance = _judge(_of_version(progress, run.version), run, broken_commits)
    if advance.effect is RunEffect.NONE:
        return advance
    milestones = {**advance.progress.milestones, advance.effect.value: run.sequence}
    return replace(advance, progress=replace(advance.progress, milestones=milestones))


def _judge(progress: Progress, run: Run, broken_commits: Sequence[str]) -> Advance:
    passed, failed = run.ids(Outcome.PASSED), run.ids(Outcome.FAILED)
    if run.outcome is Outcome.ERROR:
        return Advance(progress, RunEffect.NONE, "The run ended in an error: it changes nothing and refreshes nothing.")
    if not passed and not failed:
        return Advance(
            progress, RunEffect.NONE, "No check was executed (none, or all skipped): the run changes nothing."
        )
    if progress.ineffective_version and run.version <= progress.ineffective_version:
        return Advance(progress, RunEffect.NONE, "The control is ineffective: runs of this version count no more.")
    if run.outcome is Outcome.FAILED:
        return _failed(progress, run, failed, broken_commits)
    if failed or run.ids(Outcome.ERROR):
        return Advance(
            progress, RunEffect.NONE, "The run says passed while one of its checks failed: it counts for nothing."
        )
    return _passed(progress, run, passed, broken_commits)


def control_recurrence_apply(*, progress: Progress, recurrence: Recurrence) -> Progress:
    """The incident came back while this version was green (the caller has asked): the version is refuted."""
    progress = _of_version(progress, recurrence.version)
    return replace(progress, reds=(), ineffective_version=recurrence.version, ineffective_at=recurrence.at)


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
    progress = _of_version(progress, version)
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
        f"{_count(len(proof.checks), 'check')} failed on {proof.broken_commit[:12]} and passed on "
        f"{proof.fixed_commit[:12]}; the next pass on main is due by {due_at:%Y-%m-%d %H:%M} UTC.",
        due_at,
    )


def _of_version(progress: Progress, version: int) -> Progress:
    """A new version starts anew; only being refuted goes with it, until its own first red."""
    if version <= progress.version:
        return progress
    return Progress(
        version=version,
        ineffective_version=progress.ineffective_version,
        ineffective_at=progress.ineffective_at,
    )


def _failed(progress: Progress, run: Run, failed: frozenset[str], broken_commits: Sequence[str]) -> Advance:
    if not failed:
        return Advance(progress, RunEffect.NONE, "The command failed but no check did: the run changes nothing.")
    hit = [proof for proof in progress.proofs if _speaks_of(proof, run) and proof.checks & failed]
    if run.on_main and hit:
        proven = frozenset[str]().union(*(proof.checks for proof in hit))
        return Advance(
            replace(
                progress,
                failing_commit=run.commit,
                failing_at=max(progress.failing_at or run.moment, run.moment),
                failing_checks=(progress.failing_checks - run.ids(Outcome.PASSED)) | (proven & failed),
            ),
            RunEffect.MAIN_FAILED,
            f"A proven check fails on main at {run.commit[:12]}.",
        )
    if any(commit_matches(run.commit, broken) for broken in broken_commits):
        red = Red(run.command, run.overlay, run.commit, failed)
        others = [r for r in progress.reds if replace(r, checks=failed) != red]
        return Advance(
            replace(progress, reds=(*others, red)[-KEPT_REDS:], ineffective_version=0, ineffective_at=None),
            RunEffect.RED,
            f"Red: {_count(len(failed), 'check')} failed on the broken commit {run.commit[:12]}.",
        )
    if not run.on_main:
        return Advance(
            progress, RunEffect.NONE, "A failure off the main ref, on a commit not named as broken, changes nothing."
        )
    if progress.proofs:
        return Advance(progress, RunEffect.NONE, "It fails on main, but no proven check of the proven command does.")
    return Advance(
        progress, RunEffect.NONE, "A failure on a commit that the root cause does not name as broken proves nothing."
    )


def _passed(progress: Progress, run: Run, passed: frozenset[str], broken_commits: Sequence[str]) -> Advance:
    if any(commit_matches(run.commit, broken) for broken in broken_commits):
        return Advance(
            progress, RunEffect.NONE, "A pass on a commit that the root cause names as broken proves nothing."
        )
    proven, left = _pair(progress.reds, run, passed)
    if proven is not None:
        first = not progress.proofs
        renewed = (proven.command, proven.overlay, proven.checks)
        others = [p for p in progress.proofs if (p.command, p.overlay, p.checks) != renewed]
        progress = replace(progress, reds=left, proofs=(*others, proven)[-KEPT_PROOFS:])
        if first:
            text = f"Proven: {_count(len(proven.checks), 'check')} red on {proven.broken_commit[:12]}, green here."
            return Advance(replace(progress, green_at=run.moment), RunEffect.PROOF, text)
    if run.on_main and any(_speaks_of(p, run) and p.checks <= passed for p in progress.proofs):
        return _passed_on_main(progress, run, passed)
    if proven is not None:
        return Advance(progress, RunEffect.PROOF, "Another red turned green; only a pass on the main ref refreshes it.")
    if progress.proofs and run.on_main:
        return Advance(
            progress,
            RunEffect.NONE,
            "A pass on main without all proven checks, or of another command, refreshes nothing.",
        )
    if progress.proofs:
        return Advance(progress, RunEffect.NONE, "A pass off the main ref refreshes nothing.")
    if progress.reds:
        return Advance(
            progress, RunEffect.NONE, "Not the check, command and overlay that failed: the pass proves nothing."
        )
    return Advance(
        progress, RunEffect.NONE, "A pass before any red counts for nothing: run it on a broken commit first."
    )


def _passed_on_main(progress: Progress, run: Run, passed: frozenset[str]) -> Advance:
    """A pass refreshes. It mends what is broken only by the checks that fail, and only if it is no older than they."""
    if progress.failing_at is not None and run.moment < progress.failing_at:
        text = f"This pass on main ended before the failure at {progress.failing_commit[:12]} did: it mends nothing."
        return Advance(progress, RunEffect.NONE, text)
    if left := progress.failing_checks - passed:
        text = f"A pass on main without {_count(len(left), 'check')} that failed there, such as {min(left)[:200]}."
        return Advance(progress, RunEffect.NONE, text)
    green_at = max(progress.green_at or run.moment, run.moment)
    mended = replace(progress, green_at=green_at, failing_commit="", failing_at=None, failing_checks=frozenset())
    return Advance(mended, RunEffect.MAIN_PASSED, "Green on the main ref.")


def _pair(reds: tuple[Red, ...], run: Run, passed: frozenset[str]) -> tuple[Proof | None, tuple[Red, ...]]:
    """The reds that this pass answers, as one proof, and the reds that are left."""
    answered: frozenset[str] = frozenset()
    commit = ""
    left: list[Red] = []
    for red in reds:
        same = red.command == run.command and red.overlay == run.overlay and not commit_matches(red.commit, run.commit)
        hit = red.checks & passed if same else frozenset()
        if hit:
            answered, commit = answered | hit, red.commit
        if red.checks - hit:
            left.append(replace(red, checks=red.checks - hit))
    if not answered:
        return None, reds
    return Proof(run.command, run.overlay, commit, run.commit, answered), tuple(left)


def _speaks_of(proof: Proof, run: Run) -> bool:
    """On main the test lies in the tree itself: no overlay, or the proof's own; another one could hide a failure."""
    return run.command == proof.command and run.overlay in ("", proof.overlay)


def _before_proof(progress: Progress, has_broken_commit: bool) -> ControlVerdict:
    if progress.reds:
        red = progress.reds[-1]
        return ControlVerdict(
            ControlState.FAILING_BEFORE,
            f"{_count(len(red.checks), 'check')} failed on the broken commit {red.commit[:12]}. "
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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _days(period: timedelta) -> str:
    return _count(period.days, "day") if period.days else f"{period.total_seconds() / 3600:g} hours"
