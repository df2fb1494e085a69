"""The state machine of INTERFACES, case by case and by property."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from incidents.lessons.services.control_history import CheckResult, Outcome, Progress, Recurrence, Run
from incidents.lessons.services.control_judging import commit_matches, control_history_fold, control_run_apply
from incidents.lessons.services.control_state import (
    ControlKind,
    ControlState,
    control_state_compute,
    control_state_derive,
)

BROKEN, FIXED, LATER = "b" * 40, "f" * 40, "1" * 40
START = datetime(2026, 3, 1, 9, tzinfo=UTC)
PERIOD = timedelta(days=7)
COMMAND = "pytest tests/test_budget.py"
TEST = "tests/test_budget.py::test_refuses"


def run(outcome: str, commit: str, **changes: Any) -> Run:
    """A run of one check whose outcome is the run's own."""
    at = changes.pop("at", START)
    checks = changes.pop("checks", {TEST: outcome})
    fields: dict[str, Any] = {
        "version": 1,
        "on_main": False,
        "command": COMMAND,
        "overlay": "",
        "finished_at": at,
        "received_at": at,
        **changes,
    }
    return Run(
        outcome=Outcome(outcome),
        commit=commit,
        checks=tuple(CheckResult(name, Outcome(value)) for name, value in checks.items()),
        **fields,
    )


def state(*history: Run | Recurrence, now: datetime = START, **changes: Any) -> ControlState:
    known: dict[str, Any] = {
        "kind": ControlKind.CHECK,
        "version": 1,
        "broken_commits": (BROKEN,),
        "period": PERIOD,
        **changes,
    }
    return control_state_compute(history=history, now=now, **known).state


RED = run("failed", BROKEN)
GREEN = run("passed", FIXED)


def test_it_starts_unproven_and_says_what_is_missing() -> None:
    assert state() == "unproven"
    verdict = control_state_compute(
        history=(), kind=ControlKind.CHECK, version=1, broken_commits=(), period=PERIOD, now=START
    )
    assert "names no broken commit" in verdict.reason


def test_it_is_proven_by_red_then_green() -> None:
    assert state(RED) == "failing_before"
    assert state(RED, GREEN) == "proven"


def test_it_counts_a_green_before_the_red_for_nothing() -> None:
    assert state(GREEN) == "unproven"
    assert state(GREEN, RED) == "failing_before"
    assert state(GREEN, RED, GREEN) == "proven"


def test_it_needs_the_same_check_command_and_overlay() -> None:
    assert state(RED, run("passed", FIXED, checks={"another": "passed"})) == "failing_before"
    assert state(RED, run("passed", FIXED, command="pytest -k nothing")) == "failing_before"
    assert state(RED, run("passed", FIXED, overlay="e" * 64)) == "failing_before"
    assert state(run("failed", BROKEN, overlay="e" * 64), run("passed", FIXED, overlay="e" * 64)) == "proven"


def test_it_needs_a_red_on_a_commit_named_as_broken() -> None:
    assert state(run("failed", LATER), GREEN) == "unproven"
    assert state(run("failed", BROKEN[:12]), GREEN) == "proven"


def test_it_needs_the_green_on_another_commit() -> None:
    assert state(RED, run("passed", BROKEN)) == "failing_before"
    assert state(RED, run("passed", LATER), broken_commits=(BROKEN, LATER)) == "failing_before"


def test_it_ignores_errors_skips_and_empty_runs() -> None:
    for vacuous in (
        run("error", FIXED),
        run("passed", FIXED, checks={}),
        run("passed", FIXED, checks={TEST: "skipped"}),
        run("failed", FIXED, checks={TEST: "error"}, on_main=True),
        run("failed", FIXED, checks={}, on_main=True),
    ):
        assert state(vacuous) == "unproven"
        assert state(RED, vacuous) == "failing_before"
        assert state(RED, GREEN, vacuous) == "proven"
    assert state(run("error", BROKEN, checks={TEST: "failed"}), GREEN) == "unproven"


def test_it_breaks_on_main_only_and_mends_there() -> None:
    off, on = run("failed", LATER), run("failed", LATER, on_main=True)
    assert state(RED, GREEN, off) == "proven"
    assert state(RED, GREEN, on) == "broken"
    assert state(RED, GREEN, on, GREEN) == "broken"
    assert state(RED, GREEN, on, run("passed", LATER, on_main=True)) == "proven"


def test_it_hears_the_controls_own_command_on_main_though_another_proved_it() -> None:
    def own(outcome: str, **fields: Any) -> Run:
        return run(outcome, LATER, command="make budget", own=True, on_main=True, **fields)

    late = START + PERIOD + timedelta(days=1)
    proven = (RED, GREEN)
    assert state(*proven, own("passed", at=late), now=late) == "proven"
    assert state(*proven, own("passed", at=late, checks={"another": "passed"}), now=late) == "stale"
    assert state(*proven, own("failed")) == "broken"
    assert state(*proven, run("failed", LATER, command="make other", on_main=True)) == "proven"
    green = run("passed", FIXED, command="make budget", own=True)
    assert state(RED, green) == "failing_before"  # a proof is of one command, whichever


def test_it_is_not_mended_by_a_pass_that_ended_before_the_failure() -> None:
    failure = run("failed", LATER, on_main=True, at=START + timedelta(hours=5))
    earlier, later = (run("passed", FIXED, on_main=True, at=START + timedelta(hours=hours)) for hours in (4, 5))
    assert state(RED, GREEN, failure, earlier) == "broken"
    assert state(RED, GREEN, failure, earlier, later) == "proven"
    assert state(RED, GREEN, failure, run("failed", LATER, on_main=True), earlier) == "broken"
    behind = run("failed", LATER, on_main=True, finished_at=START + timedelta(days=9))
    assert state(RED, GREEN, behind, run("passed", FIXED, on_main=True)) == "proven"  # a fast clock holds nothing up


def test_it_is_mended_by_the_checks_that_failed_only() -> None:
    red = run("failed", BROKEN, checks={"a": "failed", "b": "failed"})
    other_red = run("failed", BROKEN, checks={"a": "failed"}, overlay="e" * 64)
    both = run("passed", FIXED, checks={"a": "passed", "b": "passed"})
    one = run("passed", FIXED, checks={"a": "passed"}, overlay="e" * 64)
    proven = (red, both, other_red, one)
    fails = run("failed", LATER, on_main=True, checks={"a": "passed", "b": "failed"})
    without = run("passed", LATER, on_main=True, checks={"a": "passed"})
    assert state(*proven, without) == "proven"
    assert state(*proven, fails, without) == "broken"
    assert state(*proven, fails, run("passed", LATER, on_main=True, checks={"a": "passed", "b": "skipped"})) == "broken"
    assert state(*proven, fails, run("passed", LATER, on_main=True, checks={"a": "passed", "b": "passed"})) == "proven"


def test_it_breaks_only_by_what_was_proven() -> None:
    another_command = run("failed", LATER, on_main=True, command="pytest -k else")
    another_check = run("failed", LATER, on_main=True, checks={TEST: "passed", "else": "failed"})
    other_overlay = run("failed", LATER, on_main=True, overlay="e" * 64)
    for unrelated in (another_command, another_check, other_overlay):
        assert state(RED, GREEN, unrelated) == "proven"


def test_it_turns_stale_without_a_pass_on_main() -> None:
    after = START + PERIOD + timedelta(seconds=1)
    on_main = run("passed", LATER, on_main=True, at=START + timedelta(days=3))
    assert state(RED, GREEN, now=START + PERIOD) == "proven"
    assert state(RED, GREEN, now=after) == "stale"
    assert state(RED, GREEN, run("passed", LATER, at=after), now=after) == "stale"
    for checks in ({TEST: "skipped"}, {"renamed": "passed"}):
        assert state(RED, GREEN, run("passed", LATER, on_main=True, checks=checks, at=after), now=after) == "stale"
    assert state(RED, GREEN, on_main, now=after) == "proven"
    assert state(RED, GREEN, run("passed", LATER, on_main=True, at=after), now=after) == "proven"


def test_it_is_never_fresher_than_its_arrival() -> None:
    fast_clock = run("passed", LATER, on_main=True, finished_at=START + timedelta(days=300))
    assert state(RED, GREEN, fast_clock, now=START + PERIOD + timedelta(seconds=1)) == "stale"


def test_it_is_refuted_by_a_recurrence_until_a_new_version_has_its_own_red() -> None:
    came_back = Recurrence(version=1, at=START)
    history = (RED, GREEN, came_back)
    assert state(*history) == "ineffective"
    assert state(*history, RED, GREEN, run("passed", LATER, on_main=True)) == "ineffective"
    assert state(*history, version=2) == "ineffective"
    green2, red2 = run("passed", FIXED, version=2), run("failed", BROKEN, version=2)
    assert state(*history, green2, version=2) == "ineffective"
    assert state(*history, green2, red2, version=2) == "failing_before"
    assert state(*history, red2, green2, version=2) == "proven"


def test_it_starts_anew_with_a_new_version() -> None:
    assert state(RED, GREEN, version=2) == "unproven"
    assert state(RED, GREEN, run("passed", FIXED, version=2), version=2) == "unproven"


def test_it_records_playbook_entries() -> None:
    assert state(kind=ControlKind.PLAYBOOK) == "recorded"
    assert state(RED, GREEN, run("failed", LATER, on_main=True), kind=ControlKind.PLAYBOOK) == "recorded"


def test_it_matches_abbreviated_commits_from_seven_characters_on() -> None:
    assert commit_matches("ABCDEF1", "abcdef1234")
    assert not commit_matches("abcdef", "abcdef1234")
    assert not commit_matches("", "abcdef1234")


CHECKS = st.dictionaries(st.sampled_from(["a", "b"]), st.sampled_from(list(Outcome)), max_size=2)
RUNS = st.builds(
    run,
    st.sampled_from(["passed", "failed", "error"]),
    st.sampled_from([BROKEN, FIXED, LATER]),
    checks=CHECKS,
    on_main=st.booleans(),
    command=st.sampled_from(["x", "y"]),
    overlay=st.sampled_from(["", "e" * 64]),
    at=st.integers(0, 20).map(lambda days: START + timedelta(days=days)),
)
HISTORIES = st.lists(RUNS, max_size=12)
NOW = START + timedelta(days=20)


@given(HISTORIES)
def test_it_is_never_proven_without_a_red_before_a_green(history: list[Run]) -> None:
    if state(*history, now=NOW) not in {"proven", "broken", "stale"}:
        return
    pairs = [
        (red, green)
        for i, red in enumerate(history)
        for green in history[i + 1 :]
        if red.outcome == "failed"
        and red.commit == BROKEN
        and green.outcome == "passed"
        and green.commit != BROKEN
        and (red.command, red.overlay) == (green.command, green.overlay)
        and red.ids(Outcome.FAILED) & green.ids(Outcome.PASSED)
    ]
    assert pairs


@given(HISTORIES)
def test_it_counts_nothing_before_the_first_red(history: list[Run]) -> None:
    first = next((i for i, r in enumerate(history) if r.outcome == "failed" and r.commit == BROKEN), len(history))
    assert state(*history[:first], now=NOW) == "unproven"
    assert state(*history[first:], now=NOW) == state(*history, now=NOW)


@given(HISTORIES, st.integers(0, 12), st.sampled_from([BROKEN, FIXED, LATER]), st.booleans())
def test_it_is_not_moved_by_vacuous_runs(history: list[Run], where: int, commit: str, on_main: bool) -> None:
    for outcome, checks in (("error", {"a": "failed"}), ("passed", {}), ("passed", {"a": "skipped"})):
        vacuous = run(outcome, commit, on_main=on_main, checks=checks, command="x", at=NOW)
        assert state(*history[:where], vacuous, *history[where:], now=NOW) == state(*history, now=NOW)


@given(HISTORIES, RUNS)
def test_it_never_breaks_or_refreshes_off_main(history: list[Run], more: Run) -> None:
    before = state(*history, now=NOW)
    off = run(more.outcome, more.commit, checks={c.id: c.outcome for c in more.checks}, command=more.command, at=NOW)
    if before in {"proven", "broken", "stale"}:
        assert state(*history, off, now=NOW) == before


@given(HISTORIES)
def test_it_folds_run_by_run_to_the_same_verdict(history: list[Run]) -> None:
    progress = Progress()
    for item in history:
        progress = control_run_apply(progress=progress, run=item, broken_commits=(BROKEN,)).progress
        progress = msgspec.convert(msgspec.json.decode(msgspec.json.encode(progress)), Progress)
    assert progress == control_history_fold(history=history, broken_commits=(BROKEN,))
    verdict = control_state_derive(progress=progress, kind=ControlKind.CHECK, version=1, period=PERIOD, now=NOW)
    assert verdict.state == state(*history, now=NOW)


@given(HISTORIES, HISTORIES, st.booleans())
def test_it_leaves_ineffective_by_a_new_red_of_a_new_version_only(
    before: list[Run], after: list[Run], renewed: bool
) -> None:
    version = 2 if renewed else 1
    later = [
        run(r.outcome, r.commit, version=version, command=r.command, overlay=r.overlay, on_main=r.on_main,
            checks={c.id: c.outcome for c in r.checks})
        for r in after
    ]  # fmt: skip
    end = state(*before, Recurrence(version=1, at=START), *later, version=version, now=NOW)
    red = any(r.outcome == "failed" and r.commit == BROKEN and r.ids(Outcome.FAILED) for r in later)
    assert (end == "ineffective") == (not (renewed and red))
