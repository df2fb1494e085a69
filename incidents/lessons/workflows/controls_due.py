"""Controls and time: their runs are asked for before they are due, those without a pass turn stale, and those that were
never proven by the day that somebody promised are told of.
"""

from datetime import timedelta

from incidents.lessons.models import Control
from incidents.lessons.services.control_due import control_is_due
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.services.prevention import control_is_overdue
from incidents.lessons.store import control_progress, controls_overdue, due
from incidents.lessons.workflows.control_telling import control_notice
from incidents.lessons.workflows.states import control_lock, control_settle, control_verdict, has_broken_commit
from incidents.triage.workflows import timeline_add
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

_BEAT = Actor(kind="job", name="controls' due times")
DUE_SHOWN = 200


def control_states_refresh() -> int:
    """Beat: proven controls whose pass on main is overdue turn stale; how many did, at most one batch a call."""
    overdue = controls_overdue_read()
    return sum(control_turn_stale(control_id=control_id) for control_id in overdue)


@transactional(TransactionIntent.READ_ONLY)
def controls_overdue_read(session: Session) -> list[int]:
    return controls_overdue(utcnow())


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_turn_stale(txn: SingleConnectionTxn, *, control_id: int) -> bool:
    """Judge one control by the clock; True if it is stale now. One transaction each: a lock is held for a moment."""
    control = control_lock(txn, control_id)
    verdict = control_verdict(control, now=utcnow())
    return (
        control_settle(control, progress=control_progress(control), verdict=verdict, actor=_BEAT)
        and verdict.state is ControlState.STALE
    )


def controls_ask() -> int:
    """Beat: ask for the runs that are due soon, each once for its due time; how many were asked for, in one batch."""
    return sum(control_ask(control_id=control_id) for control_id in controls_to_ask_read())


@transactional(TransactionIntent.READ_ONLY)
def controls_to_ask_read(session: Session) -> list[int]:
    return due.controls_to_ask(utcnow())


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_ask(txn: SingleConnectionTxn, *, control_id: int) -> bool:
    """Ask for one control's run, unless a pass came first; True if it was asked for."""
    control, now = control_lock(txn, control_id), utcnow()
    if control.ask_at is None or control.ask_at > now:
        return False
    control.ask_at = None
    control.save(update_fields=["ask_at"])
    verdict = control_verdict(control, now=now)
    if verdict.state is not ControlState.PROVEN or verdict.due_at is None or control.incident.synthetic:
        return False  # stale by now: that is told by itself
    control_notice(
        txn, control=control, kind="due", which=f"{verdict.due_at:%Y-%m-%dT%H:%MZ}",
        text=f"Its next pass on the main ref is due by {verdict.due_at:%Y-%m-%d %H:%M} UTC, or it turns stale. Let CI "
        f"run “readiness_client.py due --run”, or “readiness_client.py control {control.public_id} -- "
        f"{control.command}” on main.",
    )  # fmt: skip
    return True


def controls_overdue_tell() -> int:
    """Beat: tell of the controls whose day to be proven by has passed, each once for that day; how many were told of,
    in one batch.
    """
    return sum(control_overdue_tell(control_id=control_id) for control_id in controls_past_their_day_read())


@transactional(TransactionIntent.READ_ONLY)
def controls_past_their_day_read(session: Session) -> list[int]:
    return due.controls_past_their_day(utcnow().date())


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_overdue_tell(txn: SingleConnectionTxn, *, control_id: int) -> bool:
    """Tell of one control, on its incident's timeline too, unless it was proven or given another day meanwhile."""
    control, now = control_lock(txn, control_id), utcnow()
    verdict = control_verdict(control, now=now, has_broken_commit=has_broken_commit(control.incident_id))
    overdue = control_is_overdue(state=verdict.state.value, due_on=control.due_on, today=now.date())
    if not overdue or control.overdue_told == control.due_on or control.incident.synthetic:
        return False
    control.overdue_told = control.due_on
    control.save(update_fields=["overdue_told"])
    text = f"It was to be proven by {control.due_on}. {verdict.reason}"
    timeline_add(
        incident=control.incident, kind="control-overdue", text=f"{control.public_id} is overdue. {text}", actor=_BEAT
    )
    control_notice(
        txn, control=control, kind="overdue", which=str(control.due_on), due=str(control.due_on),
        text=f"{text} Prove it, or give it another day on its page.",
    )  # fmt: skip
    return True


@transactional(TransactionIntent.READ_ONLY)
def controls_due_read(session: Session, *, project_id: int | None, limit: int = DUE_SHOWN) -> list[Control]:
    """The controls whose run on main is wanted now, the longest due first; of every project where `project_id` is None.

    Their states are those of this moment: what is overdue is stale, whether or not the beat has been by.
    """
    now, found = utcnow(), []
    for control in due.controls_due_listed(project_id=project_id, now=now, limit=DUE_SHOWN):
        verdict = control_verdict(control, now=now)
        control.state, control.state_reason = verdict.state.value, verdict.reason
        period = timedelta(days=control.period_days)
        if control_is_due(state=verdict.state, due_at=verdict.due_at, period=period, now=now):
            found.append(control)
    return found[:limit]
