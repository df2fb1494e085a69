"""Controls and time: their runs are asked for before they are due, and those without a pass turn stale."""

from datetime import timedelta

from incidents.lessons.models import Control
from incidents.lessons.services.control_due import control_is_due
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.store import control_progress, controls_overdue, due
from incidents.lessons.workflows.control_telling import control_notice
from incidents.lessons.workflows.states import control_lock, control_settle, control_verdict
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

_BEAT = Actor(kind="job", name="controls turning stale")
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
