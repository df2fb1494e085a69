"""What whoever reports a run should know beyond its answer: it was of another command, or of a commit nobody named.

Neither is refused: a run is never lost, and by INTERFACES a control's state follows from the runs alone, whose red and
green have to be of one command. But who mistook the control's command should not find out when it is stale.
"""

from collections.abc import Sequence

from incidents.lessons.services.control_history import Outcome, Run, RunEffect
from incidents.lessons.services.control_judging import commit_matches

SHOWN = 120


def run_warnings(
    *, run: Run, effect: RunEffect, command: str, broken_commits: Sequence[str], proven_before: bool
) -> tuple[str, ...]:
    """`command`: the control's own, empty where it names none; `proven_before`: a red of it was answered already."""
    found = []
    if command and not run.own:
        found.append(_of_command(run.command, command, counts=effect is not RunEffect.NONE))
    unnamed = not any(commit_matches(run.commit, broken) for broken in broken_commits)
    if run.outcome is Outcome.FAILED and run.ids(Outcome.FAILED) and unnamed and not proven_before:
        found.append(_of_commit(run.commit, broken_commits))
    return tuple(found)


def _of_command(ran: str, own: str, *, counts: bool) -> str:
    said = f"It ran “{_cut(ran)}”, which is not this control's own command, “{_cut(own)}”."
    if not counts:
        return f"{said} It is kept and counts for nothing. Run the control's command, or change it on its page."
    return (
        f"{said} It counts, for the red and the green have to be of one command, not of that one; on main the "
        "control's own counts beside it, for the same checks. If that was not meant, run the control's command, or "
        "change it on its page."
    )


def _of_commit(commit: str, broken_commits: Sequence[str]) -> str:
    if not broken_commits:
        return (
            "The root cause names no broken commit, so no failure is a red yet. This run is kept: it counts as soon as "
            f"{commit[:12]} is named there."
        )
    named = ", ".join(broken[:12] for broken in broken_commits[:3])
    return (
        f"The root cause names {named} as broken, not {commit[:12]}, so this failure is no red. The run is kept: it "
        "counts as soon as the root cause names its commit too."
    )


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
