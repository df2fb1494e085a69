"""L3: what founders see of incidents (requirements 161-163): field selection, redaction and renaming only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.triage.services.ops_incidents import OpsIncident
from incidents.triage.services.severity import OpsSeverity
from readiness.infra.clock import isoz


@dataclass(frozen=True, slots=True)
class FounderIncidentSummaryView:
    """One incident of the summary; times ISO 8601 `Z`."""

    id: str
    title: str
    component: str
    category: str
    severity: str
    priority: str
    status: str
    occurrences: int
    first_seen: str | None
    last_seen: str | None


@dataclass(frozen=True, slots=True)
class FounderIncidentsSummaryResponse:
    """GET /ops/incidents/infra-summary (INTERFACES.md)."""

    total_incidents: int
    by_severity: dict[str, int]
    recent_incidents: list[FounderIncidentSummaryView]
    window_start: str | None
    window_end: str | None


def founder_incident_view(incident: OpsIncident) -> FounderIncidentSummaryView:
    """An incident as founders read it."""
    return FounderIncidentSummaryView(
        id=incident.id,
        title=incident.title,
        component=incident.component,
        category=incident.category.value,
        severity=incident.severity.value,
        priority=incident.priority,
        status=incident.status,
        occurrences=incident.occurrences,
        first_seen=isoz(incident.first_seen),
        last_seen=isoz(incident.last_seen),
    )


def founder_incidents_summary(
    *, counts: Mapping[OpsSeverity, int], recent: Sequence[OpsIncident], start: datetime, end: datetime
) -> FounderIncidentsSummaryResponse:
    """The summary of a window: every severity is named, also at zero."""
    by_severity = {severity.value: counts.get(severity, 0) for severity in reversed(OpsSeverity)}
    return FounderIncidentsSummaryResponse(
        total_incidents=sum(by_severity.values()),
        by_severity=by_severity,
        recent_incidents=[founder_incident_view(incident) for incident in recent],
        window_start=isoz(start),
        window_end=isoz(end),
    )
