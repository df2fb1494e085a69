"""L3: what founders read of health, risks, trends and decisions; selection, redaction and renaming only (163)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from incidents.triage.services.ops_decisions import DecisionsRead, OpsDecisionOutcome
from incidents.triage.services.ops_health import OpsHealthSignal, OpsHealthStatus
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel
from incidents.triage.services.ops_trends import OpsTrendMetric
from readiness.infra.clock import isoz
from readiness.infra.redaction import text_scrub


@dataclass(frozen=True, slots=True)
class FounderHealthView:
    """One component; an empty one is the whole project. Times ISO 8601 `Z`."""

    component: str
    project: str
    status: str
    why: str
    errors_last_hour: int
    usual_per_hour: float | None
    open_incidents: int
    last_heard: str | None


@dataclass(frozen=True, slots=True)
class FounderHealthResponse:
    """GET /ops/health; `status` is the worst of them, unknown where nothing is known; `truncated`: 200 are shown."""

    status: str
    by_status: dict[str, int]
    components: list[FounderHealthView]
    truncated: bool
    evaluated_at: str | None


@dataclass(frozen=True, slots=True)
class FounderRiskView:
    """One finding. `blind`: it is about what nobody would see."""

    level: str
    kind: str
    component: str
    project: str
    title: str
    why: str
    todo: str
    count: int
    blind: bool


@dataclass(frozen=True, slots=True)
class FounderRisksResponse:
    """GET /ops/risks; `by_level` counts `findings`, `sources` how many subjects were asked."""

    summary: str
    by_level: dict[str, int]
    findings: list[FounderRiskView]
    sources: int
    evaluated_at: str | None


@dataclass(frozen=True, slots=True)
class FounderTrendPointView:
    """`value` is null where there was nothing to measure; `complete` false for the hour or day under way."""

    at: str | None
    value: float | None
    complete: bool


@dataclass(frozen=True, slots=True)
class FounderTrendView:
    """One series; `direction` is better, worse, steady or unknown, `slope` its median change a bucket."""

    metric: str
    title: str
    unit: str
    what: str
    bucket_seconds: int
    direction: str
    slope: float | None
    why: str
    points: list[FounderTrendPointView]


@dataclass(frozen=True, slots=True)
class FounderTrendsResponse:
    """GET /ops/trends."""

    trends: list[FounderTrendView]
    window_start: str | None
    window_end: str | None


@dataclass(frozen=True, slots=True)
class FounderDecisionView:
    """One outcome of an engine; `share` of its decisions, 0 to 1."""

    engine: str
    outcome: str
    decisions: int
    share: float
    last_at: str | None
    last_id: str


@dataclass(frozen=True, slots=True)
class FounderDecisionsResponse:
    """GET /ops/decisions; without a source `connected` is false, and `detail` says so."""

    connected: bool
    detail: str
    decisions: list[FounderDecisionView]
    window_start: str | None
    window_end: str | None


def founder_health(
    *,
    status: OpsHealthStatus,
    counts: Mapping[OpsHealthStatus, int],
    signals: Sequence[OpsHealthSignal],
    projects: Mapping[int, str],
    truncated: bool,
    at: datetime,
) -> FounderHealthResponse:
    """Health as founders read it."""
    return FounderHealthResponse(
        status=status.value,
        by_status={name.value: number for name, number in counts.items()},
        components=[_health_view(signal, projects) for signal in signals],
        truncated=truncated,
        evaluated_at=isoz(at),
    )


def _health_view(signal: OpsHealthSignal, projects: Mapping[int, str]) -> FounderHealthView:
    return FounderHealthView(
        component=text_scrub(signal.component),
        project=projects.get(signal.project_id, ""),
        status=signal.status.value,
        why=signal.why,
        errors_last_hour=signal.errors_last_hour,
        usual_per_hour=signal.usual_per_hour,
        open_incidents=signal.open_incidents,
        last_heard=isoz(signal.last_heard),
    )


def founder_risks(
    *,
    summary: str,
    counts: Mapping[OpsRiskLevel, int],
    findings: Sequence[OpsRiskFinding],
    projects: Mapping[int, str],
    sources: int,
    at: datetime,
) -> FounderRisksResponse:
    """Risks as founders read them."""
    return FounderRisksResponse(
        summary=summary,
        by_level={level.value: number for level, number in counts.items()},
        findings=[_risk_view(finding, projects) for finding in findings],
        sources=sources,
        evaluated_at=isoz(at),
    )


def _risk_view(finding: OpsRiskFinding, projects: Mapping[int, str]) -> FounderRiskView:
    return FounderRiskView(
        level=finding.level.value,
        kind=finding.kind,
        component=text_scrub(finding.component),
        project=projects.get(finding.project_id, "") if finding.project_id else "",
        title=text_scrub(finding.title),
        why=text_scrub(finding.why),
        todo=finding.todo,
        count=finding.count,
        blind=finding.blind,
    )


def founder_trends(*, metrics: Sequence[OpsTrendMetric], since: datetime, until: datetime) -> FounderTrendsResponse:
    """Trends as founders read them."""
    return FounderTrendsResponse(
        trends=[_trend_view(metric) for metric in metrics], window_start=isoz(since), window_end=isoz(until)
    )


def _trend_view(metric: OpsTrendMetric) -> FounderTrendView:
    return FounderTrendView(
        metric=metric.definition.key,
        title=metric.definition.title,
        unit=metric.definition.unit,
        what=metric.definition.what,
        bucket_seconds=int(metric.bucket.total_seconds()),
        direction=metric.direction.value,
        slope=metric.slope,
        why=metric.why,
        points=[FounderTrendPointView(isoz(point.at), point.value, point.complete) for point in metric.points],
    )


def founder_decisions(read: DecisionsRead) -> FounderDecisionsResponse:
    """Decisions as founders read them."""
    return FounderDecisionsResponse(
        connected=read.connected,
        detail=read.detail,
        decisions=[_decision_view(outcome) for outcome in read.outcomes],
        window_start=isoz(read.start),
        window_end=isoz(read.end),
    )


def _decision_view(outcome: OpsDecisionOutcome) -> FounderDecisionView:
    return FounderDecisionView(
        engine=text_scrub(outcome.engine),
        outcome=text_scrub(outcome.outcome),
        decisions=outcome.decisions,
        share=outcome.share,
        last_at=isoz(outcome.last_at),
        last_id=outcome.last_id,
    )
