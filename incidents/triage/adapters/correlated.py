"""L3: what founders see of correlations; field selection and renaming only."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.triage.services.correlations import OpsCorrelatedEvent, OpsCorrelation
from readiness.infra.clock import isoz


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
