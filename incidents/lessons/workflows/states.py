"""What the runs of a control have come to, kept on its row; each move stands on the incident's timeline."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.control_due import control_asks_next
from incidents.lessons.services.control_history import Progress
from incidents.lessons.services.control_judging import control_history_fold
from incidents.lessons.services.control_state import ControlKind, ControlState, ControlVerdict, control_state_derive
from incidents.lessons.workflows.control_telling import control_change_tell
from incidents.triage.models import Incident
from incidents.triage.workflows import timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import SingleConnectionTxn

STATE_FIELDS = ("progress", "state", "state_reason", "state_at", "pass_due_at", "last_sequence")


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


def has_broken_commit(incident_id: int) -> bool:
    """Whether the incident's root cause names one: without it no control of it can be proven."""
    cause = store.root_cause_latest(incident_id)
    return bool(cause and cause.broken_commits)


def control_verdict(
    control: Control, *, now: datetime, has_broken_commit: bool = True, progress: Progress | None = None
) -> ControlVerdict:
    """The state at this moment: the stored one may not have turned stale yet."""
    return control_state_derive(
        progress=progress or store.control_progress(control),
        kind=ControlKind(control.kind),
        version=control.version,
        period=timedelta(days=control.period_days),
        now=now,
        has_broken_commit=has_broken_commit,
    )


def control_settle(control: Control, *, progress: Progress, verdict: ControlVerdict, actor: Actor) -> bool:
    """Keep the progress and its verdict on the locked row (unsaved fields go with it); True if the state changed."""
    before = ControlState(control.state)
    changed = before is not verdict.state
    store.control_progress_set(control, progress)
    control.state_reason = verdict.reason[:1000]
    armed, ask_at = control_asks_next(
        state=verdict.state, due_at=verdict.due_at, period=timedelta(days=control.period_days),
        before=(before, control.pass_due_at),
    )  # fmt: skip
    if armed:
        control.ask_at = ask_at
    control.pass_due_at = verdict.due_at
    if changed:
        control.state, control.state_at = verdict.state.value, utcnow()
    control.save()
    if changed:
        timeline_add(
            incident=control.incident,
            kind=f"control-{verdict.state.value}",
            text=f"{control.public_id} “{control.title}” is {verdict.state.replace('_', ' ')}. {verdict.reason}",
            actor=actor,
        )
        control_change_tell(control=control, before=before, verdict=verdict)
    return changed


def controls_of_incident_judge(
    txn: SingleConnectionTxn, *, incident: Incident, broken_commits: Sequence[str], actor: Actor
) -> None:
    """The root cause names other commits: every control of the incident is judged anew over its whole history."""
    for control in txn.lock_rows(Control.objects.filter(incident=incident)):
        control.incident = incident
        progress = control_history_fold(history=store.control_history(control.pk), broken_commits=broken_commits)
        verdict = control_verdict(control, now=utcnow(), has_broken_commit=bool(broken_commits), progress=progress)
        control_settle(control, progress=progress, verdict=verdict, actor=actor)


def was_green(control: Control, *, at: datetime) -> bool:
    """Whether the control's present version was proven, and neither broken nor stale, at that moment: by the runs that
    had been received and the root cause that had been written by then. What came in since says nothing of then: a
    recurrence that is confirmed after days neither spares what has broken meanwhile nor blames what was red to see.
    """
    if not store.moved_since(control, at):
        return control_verdict(control, now=at).state is ControlState.PROVEN
    cause = store.root_cause_at(control.incident_id, at)
    progress = control_history_fold(
        history=store.control_history(control.pk, until=at), broken_commits=cause.broken_commits if cause else ()
    )
    return control_verdict(control, now=at, progress=progress).state is ControlState.PROVEN
