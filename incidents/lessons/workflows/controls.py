"""Controls: made by people, proven by runs, refuted by recurrences, turned stale by time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from incidents.lessons import store
from incidents.lessons.models import Control, ControlRun
from incidents.lessons.services.control_state import (
    Advance,
    ControlKind,
    ControlState,
    ControlVerdict,
    Outcome,
    Recurrence,
    Run,
    RunEffect,
    control_recurrence_apply,
    control_run_apply,
)
from incidents.lessons.services.drafts import ControlDraft, control_draft
from incidents.lessons.services.run_report import RunReport
from incidents.lessons.workflows.states import control_settle, control_verdict, is_green
from incidents.triage.models import Incident
from incidents.triage.workflows import incident_lock, timeline_add
from readiness.infra.actor import SYSTEM, Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import FieldError, Invalid, NotFound
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

_BEAT = Actor(kind="job", name="controls turning stale")


def control_number(public_id: str) -> int:
    """7 of `CTL-7`. Raises NotFound for anything else."""
    digits = public_id.upper().removeprefix("CTL-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
        raise NotFound(f"{public_id[:40]!r} is no control; they are called CTL-1, CTL-2 and so on.")
    return int(digits)


def control_lock(txn: SingleConnectionTxn, control_id: int) -> Control:
    """The control's row, locked. Raises NotFound."""
    try:
        return txn.lock_row(Control, pk=control_id)
    except Control.DoesNotExist as missing:
        raise NotFound(
            f"There is no control CTL-{control_id}. Controls are made on the page of their incident."
        ) from missing


def _has_broken_commit(incident_id: int) -> bool:
    cause = store.root_cause_latest(incident_id)
    return bool(cause and cause.broken_commits)


# --- by people ----------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_create(
    txn: SingleConnectionTxn,
    *,
    incident_id: int,
    kind: str,
    title: str,
    actor: Actor,
    command: str = "",
    check_first: str = "",
    never_again: str = "",
    governance_updates: Sequence[str] = (),
    owner: str = "",
    due_on: date | None = None,
    period_days: int = 7,
) -> Control:
    """A preventive control: version 1, unproven (a playbook entry: recorded). Raises Invalid, NotFound."""
    draft = control_draft(
        kind=kind, title=title, command=command, check_first=check_first, never_again=never_again,
        governance_updates=governance_updates, owner=owner, due_on=due_on, period_days=period_days,
    )  # fmt: skip
    incident = incident_lock(txn, incident_id)
    now = utcnow()
    control = Control(
        project_id=incident.project_id,
        incident=incident,
        created_by=actor.name,
        created_at=now,
        state_at=now,
        **_fields(draft),
    )
    verdict = control_verdict(control, now=now, has_broken_commit=_has_broken_commit(incident.pk))
    control.state, control.state_reason = verdict.state.value, verdict.reason
    control.save()
    _version_keep(control, reason="made", actor=actor)
    text = f"{control.public_id} “{control.title}” was made: a {control.get_kind_display().lower()}, {control.state}."
    timeline_add(incident=incident, kind="control-made", text=text, actor=actor)
    return control


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_revise(
    txn: SingleConnectionTxn,
    *,
    control_id: int,
    changes: Mapping[str, Any],
    actor: Actor,
    reason: str = "",
    new_version: bool = False,
) -> Control:
    """Change a control's fields (named as in control_create). Another command or kind, or `new_version`, makes a new
    version, which has to be proven anew: that is the one way out of `ineffective`. Raises Invalid, NotFound.
    """
    control = control_lock(txn, control_id)
    draft = control_draft(**{name: changes.get(name, getattr(control, name)) for name in _FIELDS})
    renewed = new_version or draft.command != control.command or draft.kind != control.kind
    for name, value in _fields(draft).items():
        setattr(control, name, value)
    if renewed:
        control.version += 1
        why = reason.strip()[:1000] or "its command changed"
        _version_keep(control, reason=why, actor=actor)
        text = f"{control.public_id} has a version {control.version}: {why}. It has to be proven anew."
        timeline_add(incident=control.incident, kind="control-version", text=text, actor=actor)
    verdict = control_verdict(control, now=utcnow(), has_broken_commit=_has_broken_commit(control.incident_id))
    control_settle(control, progress=store.control_progress(control), verdict=verdict, actor=actor)
    return control


_FIELDS = (
    "kind", "title", "command", "check_first", "never_again", "governance_updates", "owner", "due_on", "period_days",
)  # fmt: skip


def _fields(draft: ControlDraft) -> dict[str, Any]:
    fields = {name: getattr(draft, name) for name in _FIELDS}
    return {**fields, "kind": draft.kind.value, "governance_updates": list(draft.governance_updates)}


def _version_keep(control: Control, *, reason: str, actor: Actor) -> None:
    store.control_version_insert(
        project_id=control.project_id,
        control=control,
        version=control.version,
        title=control.title,
        command=control.command,
        reason=reason,
        author=actor.name,
        at=utcnow(),
    )


# --- by runs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunRecorded:
    """The answer to a report. `control` is `CTL-7`; `reason` says what the run did and what leads on."""

    control: str
    state: str
    reason: str


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
        return RunRecorded(control.public_id, verdict.state.value, f"{earlier.effect_text} {verdict.reason}")
    control.last_sequence += 1
    run = Run(
        version=control.version, outcome=report.outcome, commit=report.commit, on_main=report.on_main,
        command=report.command, overlay=report.overlay_sha256, checks=report.checks, finished_at=report.finished_at,
        received_at=now, sequence=control.last_sequence,
    )  # fmt: skip
    advance = _advance(control, run, broken_commits)
    verdict = control_verdict(control, now=now, has_broken_commit=bool(broken_commits), progress=advance.progress)
    _run_keep(control, run, report, advance, verdict, reporter, idempotency_key)
    control_settle(control, progress=advance.progress, verdict=verdict, actor=reporter)
    return RunRecorded(control.public_id, verdict.state.value, f"{advance.text} {verdict.reason}")


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
    stored = store.run_of(row)
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


# --- by recurrences and by time -----------------------------------------------------------------------------------


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_mark_ineffective(txn: SingleConnectionTxn, *, key: str, payload: dict[str, Any]) -> int:
    """Handler of `incident.recurred` (which triage publishes only once the recurrence is trusted or confirmed).

    Every control of the incident that was green when it came back is refuted; how many were. Delivered twice, it
    counts once.
    """
    incident = incident_lock(txn, int(payload["incident_id"]), merged_too=True)
    number = int(payload["recurrences"])
    at = incident.recurred_at or utcnow()
    marked = 0
    for control in txn.lock_rows(Control.objects.filter(incident=incident)):
        control.incident = incident
        if store.recurrence_exists(control.pk, number) or not is_green(control, at=at):
            continue
        _refute(control, number, incident)
        marked += 1
    return marked


def _refute(control: Control, number: int, incident: Incident) -> None:
    at = incident.recurred_at or utcnow()
    control.last_sequence += 1
    store.recurrence_insert(
        project_id=control.project_id,
        control=control,
        sequence=control.last_sequence,
        version=control.version,
        at=at,
        recurrence=number,
        recorded_by=SYSTEM.name,
        recorded_at=utcnow(),
    )
    progress = control_recurrence_apply(
        progress=store.control_progress(control), recurrence=Recurrence(version=control.version, at=at)
    )
    verdict = control_verdict(control, now=utcnow(), progress=progress)
    control_settle(control, progress=progress, verdict=verdict, actor=SYSTEM)


def control_states_refresh() -> int:
    """Beat: proven controls whose pass on main is overdue turn stale; how many did, at most one batch a call."""
    overdue = controls_overdue_read()
    return sum(control_turn_stale(control_id=control_id) for control_id in overdue)


@transactional(TransactionIntent.READ_ONLY)
def controls_overdue_read(session: Session) -> list[int]:
    return store.controls_overdue(utcnow())


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_turn_stale(txn: SingleConnectionTxn, *, control_id: int) -> bool:
    """Judge one control by the clock; True if it is stale now. One transaction each: a lock is held for a moment."""
    control = control_lock(txn, control_id)
    verdict = control_verdict(control, now=utcnow())
    return (
        control_settle(control, progress=store.control_progress(control), verdict=verdict, actor=_BEAT)
        and verdict.state is ControlState.STALE
    )
