"""OpsIncident: an aggregated failure pattern, the answer to "Why did this fail?" (138, 148-156). Pure.

The service interprets; it never shapes for a page, paginates, sorts for display or asks who reads. What it asks of the
incident memory is ErrorStoreProtocol: triage.store.ops aggregates in SQL, a test hands in a small fake.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
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
    """What the service asks of whatever holds incidents. `category` and `ops_severity` are severity.py's answers for
    the pattern's class and occurrences, kept with it as it is counted (157, 158).
    """

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


class ErrorStoreProtocol(Protocol):
    """The aggregated incident memory (156). The window is [since, until]; `component` None: every one. Whose errors it
    holds, and how many patterns it gives at the most, is settled where it is made.
    """

    def patterns(
        self, *, since: datetime, until: datetime, component: str | None, severities: Sequence[str]
    ) -> Iterable[IncidentRow]:
        """Failure patterns of the window whose operator severity is among these, the last seen first."""
        ...

    def severity_counts(self, *, since: datetime, until: datetime, component: str | None) -> Mapping[str, int]:
        """Failure patterns of the window per operator severity; those without any are left out."""
        ...


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


def incidents_active(
    *,
    store: ErrorStoreProtocol,
    since: datetime,
    until: datetime | None = None,
    component: str | None = None,
    min_severity: OpsSeverity | None = None,
) -> list[OpsIncident]:
    """get_active_incidents (153): what failed in the window, at or above a severity. `until` None: up to now."""
    floor = min_severity.rank if min_severity else 0
    wanted = [severity.value for severity in OpsSeverity if severity.rank >= floor]
    rows = store.patterns(since=since, until=until or _END, component=component, severities=wanted)
    return [ops_incident_read(row) for row in rows if row.ops_severity in wanted]


def incident_by_component(
    *, store: ErrorStoreProtocol, component: str, since: datetime, until: datetime | None = None
) -> list[OpsIncident]:
    """get_incident_by_component (154): what failed in one component in the window."""
    return incidents_active(store=store, since=since, until=until, component=component)


def incident_summary(
    *, store: ErrorStoreProtocol, since: datetime, until: datetime | None = None, component: str | None = None
) -> dict[OpsSeverity, int]:
    """get_incident_summary (155): how many patterns ask what of an operator; every severity is named, the gravest
    first, also at zero.
    """
    counts = store.severity_counts(since=since, until=until or _END, component=component)
    return {severity: counts.get(severity.value, 0) for severity in reversed(OpsSeverity)}


_END = datetime.max.replace(tzinfo=UTC)  # a window without an end: later than anything that was seen
