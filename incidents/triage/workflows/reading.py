"""Read-only use-cases of the Ops API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.triage.services.ops_incidents import OpsIncident, incident_summary, incidents_active
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.store.ops import ErrorStore
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

RECENT = 20


@dataclass(frozen=True, slots=True)
class IncidentsSummary:
    """A window's incidents: how many per operator severity, and the last seen of them."""

    counts: dict[OpsSeverity, int]
    recent: Sequence[OpsIncident]
    start: datetime
    end: datetime


@transactional(TransactionIntent.READ_ONLY)
def incidents_summary_read(session: Session, *, hours: int, project_id: int | None = None) -> IncidentsSummary:
    """The incidents seen in the last `hours`; of one project when a tenant's key asks. Samples are left out."""
    end = utcnow()
    start = end - timedelta(hours=hours)
    memory = ErrorStore(project_id=project_id, at_most=RECENT)
    return IncidentsSummary(
        counts=incident_summary(store=memory, since=start, until=end),
        recent=incidents_active(store=memory, since=start, until=end),
        start=start,
        end=end,
    )
