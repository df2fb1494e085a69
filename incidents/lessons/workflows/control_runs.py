"""Controls, proven by the runs that are reported of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.models import Control, ControlRun
from incidents.lessons.services.control_history import Outcome, Run, RunEffect, commands_same
from incidents.lessons.services.control_judging import Advance, control_run_apply
from incidents.lessons.services.control_state import ControlKind, ControlVerdict
from incidents.lessons.services.run_report import RunReport
from incidents.lessons.services.run_warnings import run_warnings
from incidents.lessons.workflows.states import control_lock, control_settle, control_verdict
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import FieldError, Invalid, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class RunRecorded:
    """The answer to a report. `control` is `CTL-7`; `reason` says what the run did and what leads on; `counts`: it did
    anything; `warnings`: that it was of another command or commit than the control's (services.run_warnings).
    """

    control: str
    state: str
    reason: str
    counts: bool
    warnings: tuple[str, ...]


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_run_record(
    txn: SingleConnectionTxn,
    *,
    control_id: int,
    report: RunReport,
    reporter: Actor,
    project_id: int | None = None,
    idempotency_key: str | None = None,
) -> RunRecorded:
    """Record one run and let it move the control's state. `project_id` is the key's own, None for the installation's.

    A retry (the same Idempotency-Key; without one, exactly the run received last) is recorded once and answered again.
    Raises NotFound (another project's control too), Invalid (an Idempotency-Key used for another run).
    """
    control = control_lock(txn, control_id)
    if project_id is not None and control.project_id != project_id:
        raise NotFound(f"There is no control CTL-{control_id} in this key's project.")
    earlier = _retried(control, report, idempotency_key)
    cause = store.root_cause_latest(control.incident_id)
    broken_commits = tuple(cause.broken_commits) if cause else ()
    now = utcnow()
    if earlier is not None:
        verdict = control_verdict(control, now=now, has_broken_commit=bool(broken_commits))
        done = Advance(store.control_progress(control), RunEffect(earlier.effect), earlier.effect_text)
        return _answer(control, store.run_of(earlier, command=control.command), done, verdict, broken_commits)
    control.last_sequence += 1
    run = Run(
        version=control.version, outcome=report.outcome, commit=report.commit, on_main=report.on_main,
        command=report.command, overlay=report.overlay_sha256, checks=report.checks, finished_at=report.finished_at,
        received_at=now, sequence=control.last_sequence, own=commands_same(report.command, control.command),
    )  # fmt: skip
    advance = _advance(control, run, broken_commits)
    verdict = control_verdict(control, now=now, has_broken_commit=bool(broken_commits), progress=advance.progress)
    _run_keep(control, run, report, advance, verdict, reporter, idempotency_key)
    control_settle(control, progress=advance.progress, verdict=verdict, actor=reporter)
    return _answer(control, run, advance, verdict, broken_commits)


def _answer(
    control: Control, run: Run, advance: Advance, verdict: ControlVerdict, broken_commits: Sequence[str]
) -> RunRecorded:
    return RunRecorded(
        control=control.public_id,
        state=verdict.state.value,
        reason=f"{advance.text} {verdict.reason}",
        counts=advance.effect is not RunEffect.NONE,
        warnings=run_warnings(
            run=run,
            effect=advance.effect,
            command=control.command,
            broken_commits=broken_commits,
            proven_before=bool(advance.progress.proofs),
        ),
    )


def _advance(control: Control, run: Run, broken_commits: Sequence[str]) -> Advance:
    progress = store.control_progress(control)
    if control.kind == ControlKind.PLAYBOOK:
        return Advance(progress, RunEffect.NONE, "Kept, but it proves nothing.")
    return control_run_apply(progress=progress, run=run, broken_commits=broken_commits)


def _retried(control: Control, report: RunReport, key: str | None) -> ControlRun | None:
    row = store.run_by_idempotency_key(control.pk, key) if key else store.run_latest(control.pk)
    if row is None or (not key and row.idempotency_key):
        return None
    sent = (
        report.outcome, report.commit, report.on_main, report.command, report.overlay_sha256, report.output_sha256,
        report.finished_at, list(report.checks),
    )  # fmt: skip
    stored = store.run_of(row, command=control.command)
    same = sent == (
        stored.outcome, stored.commit, stored.on_main, stored.command, stored.overlay, row.output_sha256,
        stored.finished_at, list(stored.checks),
    )  # fmt: skip
    if key and not same:
        raise Invalid(
            "This Idempotency-Key was used for another run of this control; use a new key for a new run.",
            errors=[FieldError("", "same key, different body")],
        )
    return row if same else None


def _run_keep(
    control: Control,
    run: Run,
    report: RunReport,
    advance: Advance,
    verdict: ControlVerdict,
    reporter: Actor,
    idempotency_key: str | None,
) -> None:
    store.run_insert(
        project_id=control.project_id,
        control=control,
        sequence=run.sequence,
        version=run.version,
        outcome=run.outcome.value,
        commit=run.commit,
        on_main=run.on_main,
        command=run.command,
        overlay_sha256=run.overlay,
        checks=[{"id": check.id, "outcome": check.outcome.value} for check in run.checks],
        checks_passed=len(run.ids(Outcome.PASSED)),
        checks_failed=len(run.ids(Outcome.FAILED)),
        output_sha256=report.output_sha256,
        finished_at=run.finished_at,
        received_at=run.received_at,
        reporter=reporter.name,
        reporter_key_id=reporter.id if reporter.kind == "key" else None,
        idempotency_key=idempotency_key,
        effect=advance.effect.value,
        effect_text=advance.text,
        state_after=verdict.state.value,
    )
