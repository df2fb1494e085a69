"""L3: what founders see of incidents and correlations; field selection and renaming only (161-163)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.triage.services.correlations import OpsCorrelatedEvent, OpsCorrelation
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


@dataclass(frozen=True, slots=True)
class FounderCorrelatedEventView:
    """One event of a correlation: `offset_ms` from the first one, `duration_ms` where it lasted (spans, jobs)."""

    at: str | None
    offset_ms: int
    duration_ms: int | None
    kind: str
    component: str
    layer: str
    severity: str
    title: str
    ref: str
    incident: str | None


@dataclass(frozen=True, slots=True)
class FounderCorrelationResponse:
    """GET /ops/correlations/<id>; `totals` says how many each source has (counted to 10,000), `truncated` that more
    events follow those of `events`, `next` where they are; null on the last page that may be asked for.
    """

    correlation_id: str
    started_at: str | None
    ended_at: str | None
    components: list[str]
    events: list[FounderCorrelatedEventView]
    totals: dict[str, int]
    truncated: bool
    next: str | None


def founder_correlation(
    story: OpsCorrelation, *, events: Sequence[OpsCorrelatedEvent], more: bool, onward: str | None
) -> FounderCorrelationResponse:
    """A correlation as founders read it, with one page of its events."""
    return FounderCorrelationResponse(
        correlation_id=story.correlation_id,
        started_at=isoz(story.started_at),
        ended_at=isoz(story.ended_at),
        components=list(story.components),
        events=[_correlated_view(story, event) for event in events],
        totals={part.source: part.total for part in story.slices},
        truncated=more,
        next=onward,
    )


def _correlated_view(story: OpsCorrelation, event: OpsCorrelatedEvent) -> FounderCorrelatedEventView:
    return FounderCorrelatedEventView(
        at=isoz(event.at),
        offset_ms=story.offset_ms(event),
        duration_ms=None if event.took is None else round(event.took.total_seconds() * 1000),
        kind=event.kind,
        component=event.component,
        layer=event.layer,
        severity=event.severity.value,
        title=event.title,
        ref=event.ref,
        incident=event.incident,
    )
