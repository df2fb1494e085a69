"""What one run does to a control: a red, the green that answers it, a pass or a failure on the main ref, or nothing;
and why (INTERFACES, /v1/controls/…/runs). Pure.

The same check, with the same command and overlay, first fails on a commit that the root cause names as broken and then
passes on another. Errors, skipped checks and empty runs change nothing and refresh nothing; runs off the main ref never
break; runs of a version that a recurrence refuted count no more.

The history is folded one run at a time into a small `Progress`, which the store keeps beside the control, so that the
thousandth run costs what the first one did.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from incidents.lessons.services.control_history import Outcome, Progress, Proof, Recurrence, Red, Run, RunEffect
from incidents.triage.services.ops_health import count_words

SHORTEST_COMMIT = 7
KEPT_REDS = 20
KEPT_PROOFS = 20


@dataclass(frozen=True, slots=True)
class Advance:
    """The progress after one run, what the run did to it, and why (or why not)."""

    progress: Progress
    effect: RunEffect
    text: str


def commit_matches(first: str, second: str) -> bool:
    """Whether two ids name one commit; people abbreviate them, to seven characters at the shortest."""
    shorter, longer = sorted((first.lower(), second.lower()), key=len)
    return len(shorter) >= SHORTEST_COMMIT and longer.startswith(shorter)


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
    advance = _judge(progress.of_version(run.version), run, broken_commits)
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
    if progress.ineffective_version and progress.ineffective_at and run.moment < progress.ineffective_at:
        text = "The run ended before the incident came back: sent again, it says nothing of the new version."
        return Advance(progress, RunEffect.NONE, text)
    if run.outcome is Outcome.FAILED:
        return _failed(progress, run, failed, broken_commits)
    if failed or run.ids(Outcome.ERROR):
        return Advance(
            progress, RunEffect.NONE, "The run says passed while one of its checks failed: it counts for nothing."
        )
    return _passed(progress, run, passed, broken_commits)


def control_recurrence_apply(*, progress: Progress, recurrence: Recurrence) -> Progress:
    """The incident came back while this version was green (the caller has asked): the version is refuted."""
    progress = progress.of_version(recurrence.version)
    return replace(progress, reds=(), ineffective_version=recurrence.version, ineffective_at=recurrence.at)


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
            f"Red: {count_words(len(failed), 'check')} failed on the broken commit {run.commit[:12]}.",
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
            text = f"Proven: {count_words(len(proven.checks), 'check')} red on {proven.broken_commit[:12]}, green here."
            return Advance(replace(progress, green_at=run.moment), RunEffect.PROOF, text)
    if run.on_main and any(_speaks_of(p, run) and p.checks <= passed for p in progress.proofs):
        return _passed_on_main(progress, run, passed)
    if proven is not None:
        return Advance(progress, RunEffect.PROOF, "Another red turned green; only a pass on the main ref refreshes it.")
    if progress.proofs and run.on_main:
        return Advance(progress, RunEffect.NONE, f"{_unlike_proof(progress.proofs, run, passed)} refreshes nothing.")
    if progress.proofs:
        return Advance(progress, RunEffect.NONE, "A pass off the main ref refreshes nothing.")
    if progress.reds:
        return Advance(progress, RunEffect.NONE, f"{_unlike_red(progress.reds, run)}: the pass proves nothing.")
    return Advance(
        progress, RunEffect.NONE, "A pass before any red counts for nothing: run it on a broken commit first."
    )


def _passed_on_main(progress: Progress, run: Run, passed: frozenset[str]) -> Advance:
    """A pass refreshes. It mends what is broken only by the checks that fail, and only if it is no older than they."""
    if progress.failing_at is not None and run.moment < progress.failing_at:
        text = f"This pass on main ended before the failure at {progress.failing_commit[:12]} did: it mends nothing."
        return Advance(progress, RunEffect.NONE, text)
    if left := progress.failing_checks - passed:
        text = f"A pass on main without {count_words(len(left), 'check')} that failed there, such as {min(left)[:200]}."
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


def _unlike_red(reds: tuple[Red, ...], run: Run) -> str:
    """What keeps a pass from answering any red: the first of command, overlay and check in which all differ from it."""
    of_command = [red for red in reds if red.command == run.command]
    of_overlay = [red for red in of_command if red.overlay == run.overlay]
    if not of_command:
        return f"It ran another command than what failed, which was “{reds[-1].command[:200]}”"
    if not of_overlay:
        return "It ran with other files laid over the commit than what failed"
    return f"None of the checks that failed passed here, such as {min(of_overlay[-1].checks)[:200]}"


def _unlike_proof(proofs: tuple[Proof, ...], run: Run, passed: frozenset[str]) -> str:
    """The same of a pass on main and the proofs."""
    of_command = [proof for proof in proofs if run.own or proof.command == run.command]
    spoken_of = [proof for proof in of_command if _speaks_of(proof, run)]
    if not of_command:
        return f"A pass on main of another command than the proven one, “{proofs[-1].command[:200]}”,"
    if not spoken_of:
        return "A pass on main with other files laid over the commit than the proof's"
    left = spoken_of[-1].checks - passed
    return f"A pass on main without {count_words(len(left), 'proven check')}, such as {min(left)[:200]},"


def _speaks_of(proof: Proof, run: Run) -> bool:
    """Whether a run on main can pass or fail what was proven. The test lies in the tree itself there: no overlay, or
    the proof's own; another one could hide a failure. The command is the proof's, or the one that the control names,
    which a person wrote and “due --run” runs: a proof by another must not go stale under it, nor stand while it fails.
    """
    return (run.own or run.command == proof.command) and run.overlay in ("", proof.overlay)
