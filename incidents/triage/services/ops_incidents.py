"""OpsIncident: an aggregated failure pattern, the answer to "Why did this fail?" (138, 148-156). Pure.

The service interprets; it never shapes for a page, paginates, sorts for display or asks who reads.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from incidents.triage.services.severity import OpsIncidentCategory, OpsSeverity


@dataclass(frozen=True, slots=True)
class OpsIncident:
    """A failure pattern as an operator meets it. Times are aware UTC; `id` is the public one (`INC-12`)."""

    id: str
    title: str
    component: str
    category: OpsIncidentCategory
    severity: OpsSeverity
    priority: str
    status: str
    occurrences: int
    first_seen: datetime
    last_seen: datetime


class IncidentRow(Protocol):
    """What the service asks of whatever holds incidents."""

    title: str
    component: str
    category: str
    ops_severity: str
    priority: str
    status: str
    occurrences: int
    first_seen: datetime
    last_seen: datetime

    @property
    def public_id(self) -> str: ...


def ops_incident_read(row: IncidentRow) -> OpsIncident:
    """One stored incident in the operator's terms."""
    return OpsIncident(
        id=row.public_id,
        title=row.title,
        component=row.component,
        category=OpsIncidentCategory(row.category),
        severity=OpsSeverity(row.ops_severity),
        priority=row.priority,
        status=row.status,
        occurrences=row.occurrences,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )


def ops_incidents_read(
    rows: Iterable[IncidentRow], *, min_severity: OpsSeverity | None = None
) -> Sequence[OpsIncident]:
    """The incidents at or above a severity, in the order they came."""
    read = (ops_incident_read(row) for row in rows)
    return [incident for incident in read if min_severity is None or incident.severity.rank >= min_severity.rank]
