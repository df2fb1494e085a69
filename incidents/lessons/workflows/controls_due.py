"""Controls, turned stale by time."""

from incidents.lessons import store
from incidents.lessons.services.control_state import ControlState
from incidents.lessons.workflows.states import control_lock, control_settle, control_verdict
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

_BEAT = Actor(kind="job", name="controls turning stale")


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
