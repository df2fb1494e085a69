"""A control driven at random against a naive model that reads the whole history each time (INTERFACES' five lines)."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from incidents.lessons.services.control_history import CheckResult, Outcome, Progress, Recurrence, Run
from incidents.lessons.services.control_judging import control_history_fold, control_recurrence_apply, control_run_apply
from incidents.lessons.services.control_state import ControlKind, ControlState, control_state_derive

pytestmark = pytest.mark.once
BROKEN, FIXED, LATER = "b" * 40, "f" * 40, "1" * 40
START, PERIOD = datetime(2026, 3, 1, tzinfo=UTC), timedelta(days=7)


class Model:
    """What INTERFACES says, read off a history of one check, one command and no overlay, with nothing remembered."""

    def __init__(self, history: list[Run | Recurrence], version: int) -> None:
        refuted = [i for i, item in enumerate(history) if isinstance(item, Recurrence)]
        since = history[refuted[-1] + 1 :] if refuted else history
        # Runs of the refuted version count no more; the first red of a later one leads out.
        spent = history[refuted[-1]].version if refuted else 0
        counting = [run for run in since if isinstance(run, Run) and run.version > spent]
        self.refuted = bool(refuted) and not any(self._is_red(run) for run in counting)
        self.runs = [run for run in counting if run.version == version]

    def state(self, now: datetime) -> ControlState:
        reds = [i for i, run in enumerate(self.runs) if self._is_red(run)]
        if not reds:
            return ControlState.INEFFECTIVE if self.refuted else ControlState.UNPROVEN
        after = list(enumerate(self.runs))[reds[0] + 1 :]
        proof = next((i for i, run in after if self._is_green(run)), None)
        if proof is None:
            return ControlState.FAILING_BEFORE
        return self._on_main(proof, now)

    def _on_main(self, proof: int, now: datetime) -> ControlState:
        green_at, failing_at = self.runs[proof].moment, None
        for run in self.runs[proof + 1 :]:
            if not run.on_main:
                continue
            if self._says(run, Outcome.FAILED):
                failing_at = max(failing_at or run.moment, run.moment)
            elif (
                self._says(run, Outcome.PASSED)
                and run.commit != BROKEN
                and not (failing_at and run.moment < failing_at)
            ):
                green_at, failing_at = max(green_at, run.moment), None
        if failing_at is not None:
            return ControlState.BROKEN
        return ControlState.STALE if now > green_at + PERIOD else ControlState.PROVEN

    def _is_red(self, run: Run) -> bool:
        return self._says(run, Outcome.FAILED) and run.commit == BROKEN

    def _is_green(self, run: Run) -> bool:
        return self._says(run, Outcome.PASSED) and run.commit != BROKEN

    @staticmethod
    def _says(run: Run, outcome: Outcome) -> bool:
        return run.outcome is outcome and [check.outcome for check in run.checks] == [outcome]


class ControlMachine(RuleBasedStateMachine):
    """Reports, recurrences, new versions and time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.version = START, 1
        self.history: list[Run | Recurrence] = []
        self.progress = Progress()

    def report(self, outcome: Outcome, commit: str, on_main: bool, checks: tuple[Outcome, ...], late: int = 0) -> None:
        run = Run(
            version=self.version, outcome=outcome, commit=commit, on_main=on_main, command="make check", overlay="",
            checks=tuple(CheckResult("a", one) for one in checks), finished_at=self.now - timedelta(hours=late),
            received_at=self.now, sequence=len(self.history),
        )  # fmt: skip
        self.history.append(run)
        self.progress = control_run_apply(progress=self.progress, run=run, broken_commits=(BROKEN,)).progress

    @rule(outcome=st.sampled_from([Outcome.PASSED, Outcome.FAILED]), on_main=st.booleans(), late=st.integers(-9, 90),
          commit=st.sampled_from([BROKEN, FIXED, LATER]))  # fmt: skip
    def a_run(self, outcome: Outcome, commit: str, on_main: bool, late: int) -> None:
        self.report(outcome, commit, on_main, (outcome,), late)

    @rule(commit=st.sampled_from([BROKEN, FIXED]))
    def the_proof(self, commit: str) -> None:
        self.report(Outcome.FAILED if commit == BROKEN else Outcome.PASSED, commit, False, (
            Outcome.FAILED if commit == BROKEN else Outcome.PASSED,))  # fmt: skip

    @rule(on_main=st.booleans(), checks=st.sampled_from([(), (Outcome.SKIPPED,), (Outcome.ERROR,)]),
          outcome=st.sampled_from(list(Outcome)[:3]), commit=st.sampled_from([BROKEN, LATER]))  # fmt: skip
    def a_vacuous_run(self, outcome: Outcome, commit: str, on_main: bool, checks: tuple[Outcome, ...]) -> None:
        self.report(outcome, commit, on_main, checks)

    @rule(hours=st.integers(1, 200))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def it_recurs(self) -> None:
        if self.state() is ControlState.PROVEN:  # the caller has asked: only a green control is refuted
            recurrence = Recurrence(version=self.version, at=self.now)
            self.history.append(recurrence)
            self.progress = control_recurrence_apply(progress=self.progress, recurrence=recurrence)

    @rule()
    def a_new_version(self) -> None:
        self.version += 1

    def state(self) -> ControlState:
        return control_state_derive(
            progress=self.progress, kind=ControlKind.CHECK, version=self.version, period=PERIOD, now=self.now
        ).state

    @invariant()
    def it_is_where_the_model_is(self) -> None:
        assert self.state() is Model(self.history, self.version).state(self.now)

    def teardown(self) -> None:
        assert control_history_fold(history=self.history, broken_commits=(BROKEN,)) == self.progress


TestControlMachine = ControlMachine.TestCase
TestControlMachine.settings = settings(max_examples=60, stateful_step_count=20, deadline=None)
