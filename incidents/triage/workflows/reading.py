"""Read-only use-cases of the Ops API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from incidents.triage.services.ops_incidents import OpsIncident, incident_summary, incidents_active
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.store.ops import ErrorStore
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

RECENT = 20


class Unprevented(Protocol):
    """settings.READINESS_INCIDENTS_UNPREVENTED: those of the incidents that have no control (56). One query."""

    def __call__(self, *, incident_ids: Sequence[int]) -> frozenset[int]: ...


@dataclass(frozen=True, slots=True)
class IncidentsSummary:
    """A window's incidents: how many per operator severity, and the last seen of them."""

    counts: dict[OpsSeverity, int]
    recent: Sequence[OpsIncident]
    start: datetime
    end: datetime


@transactional(TransactionIntent.READ_ONLY)
def incidents_summary_read(
    session: Session,
    *,
    hours: int,
    component: str | None = None,
    min_severity: OpsSeverity | None = None,
    project_id: int | None = None,
) -> IncidentsSummary:
    """The incidents seen in the last `hours`, of one component and from one operator severity on where they are given
    (149); of one project when a tenant's key asks. Samples are left out.
    """
    end = utcnow()
    start = end - timedelta(hours=hours)
    memory = ErrorStore(project_id=project_id, at_most=RECENT)
    counts = incident_summary(store=memory, since=start, until=end, component=component)
    floor = min_severity.rank if min_severity else 0
    return IncidentsSummary(
        counts={severity: number if severity.rank >= floor else 0 for severity, number in counts.items()},
        recent=incidents_active(store=memory, since=start, until=end, component=component, min_severity=min_severity),
        start=start,
        end=end,
    )


@transactional(TransactionIntent.READ_ONLY)
def incidents_unprevented(session: Session, *, incident_ids: Sequence[int]) -> frozenset[int]:
    """Those that will happen again for all that was made of them: they have no control."""
    asked: Unprevented = import_string(settings.READINESS_INCIDENTS_UNPREVENTED)
    return asked(incident_ids=incident_ids)
