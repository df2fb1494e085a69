"""What happens to a control, and what that has come to: its runs and recurrences, and the progress that they are folded
into. Pure.
"""

import shlex
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """Of a run: passed, failed, error. Of one check in it: these and skipped."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


def commands_same(one: str, other: str) -> bool:
    """Whether two command lines are the same words, however they are quoted and spaced."""
    return one == other or _words(one) == _words(other)


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # a quote that is never closed
        return command.split()


@dataclass(frozen=True, slots=True)
class CheckResult:
    id: str
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Run:
    """One report of a control's command. `version` is the control's when the run was received; `overlay` is the
    sha256 of the files laid over the commit, or empty; times are aware UTC; `sequence` names the run in `milestones`;
    `own`: the command is the one that this version of the control names.
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
    own: bool = False

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

    def of_version(self, version: int) -> "Progress":
        """A new version starts anew; only being refuted goes with it, until its own first red."""
        if version <= self.version:
            return self
        return Progress(
            version=version, ineffective_version=self.ineffective_version, ineffective_at=self.ineffective_at
        )


class RunEffect(StrEnum):
    """What one run did: nothing, a red, the green that answers one, or a pass or a failure on main that counts."""

    NONE = "none"
    RED = "red"
    PROOF = "proof"
    MAIN_PASSED = "main_passed"
    MAIN_FAILED = "main_failed"
