"""Controls, refuted by recurrences of their incident."""

from datetime import datetime
from typing import Any

from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.control_history import Recurrence
from incidents.lessons.services.control_judging import control_recurrence_apply
from incidents.lessons.workflows.states import control_settle, control_verdict, was_green
from incidents.triage.workflows import incident_lock
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


@transactional(TransactionIntent.LOCKED_MUTATION)
def control_mark_ineffective(txn: SingleConnectionTxn, *, key: str, payload: dict[str, Any]) -> int:
    """Handler of `incident.recurred` (which triage publishes only once the recurrence is trusted or confirmed).

    Every control of the incident that was green when it came back is refuted, however it stands when this is delivered;
    how many were. Delivered twice, it counts once.
    """
    incident = incident_lock(txn, int(payload["incident_id"]), merged_too=True)
    number = int(payload["recurrences"])
    said = str(payload.get("at", ""))  # a message of before there was one has none
    at = datetime.fromisoformat(said) if said else incident.recurred_at or utcnow()
    marked = 0
    for control in txn.lock_rows(Control.objects.filter(incident=incident)):
        control.incident = incident
        if store.recurrence_exists(control.pk, number) or not was_green(control, at=at):
            continue
        _refute(control, number, at)
        marked += 1
    return marked


def _refute(control: Control, number: int, at: datetime) -> None:
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
