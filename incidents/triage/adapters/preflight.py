"""L3: what the preflight console shows of risks, health and trends; selection, redaction and renaming only (163)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from incidents.triage.services.ops_health import OpsHealthSignal, OpsHealthStatus
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel
from incidents.triage.services.ops_trends import OpsTrendDirection, OpsTrendMetric
from readiness.infra.redaction import text_scrub
from readiness.infra.trend import TrendChart, TrendSeries, day_labels

_HEALTH_PILLS = {
    OpsHealthStatus.HEALTHY: "pass",
    OpsHealthStatus.UNKNOWN: "neutral",
    OpsHealthStatus.DEGRADED: "warn",
    OpsHealthStatus.UNHEALTHY: "fail",
}
_RISK_PILLS = {
    OpsRiskLevel.CRITICAL: "fail",
    OpsRiskLevel.HIGH: "fail",
    OpsRiskLevel.MEDIUM: "warn",
    OpsRiskLevel.LOW: "neutral",
}
_TREND_PILLS = {
    OpsTrendDirection.BETTER: "pass",
    OpsTrendDirection.WORSE: "fail",
    OpsTrendDirection.STEADY: "neutral",
    OpsTrendDirection.UNKNOWN: "neutral",
}
_TREND_WORDS = {
    OpsTrendDirection.BETTER: "Better",
    OpsTrendDirection.WORSE: "Worse",
    OpsTrendDirection.STEADY: "Steady",
    OpsTrendDirection.UNKNOWN: "Too early to say",
}


@dataclass(frozen=True, slots=True)
class PreflightFindingView:
    """One finding as a row: its pill, its words, and the page behind it as the name of an address with arguments."""

    pill: str
    level: str
    kind: str
    component: str
    project: str
    title: str
    why: str
    todo: str
    page: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreflightHealthView:
    """One component as a row; `component` is empty for a project as a whole."""

    pill: str
    status: str
    component: str
    project: str
    why: str
    errors_last_hour: int
    usual_per_hour: float | None
    open_incidents: int
    last_heard: datetime | None


@dataclass(frozen=True, slots=True)
class PreflightTrendView:
    """One trend: what is drawn of it, what it counts, and the word for its direction in its colour."""

    key: str
    what: str
    pill: str
    word: str
    chart: TrendChart


@dataclass(frozen=True, slots=True)
class PreflightView:
    """The page: `critical` and `high` count what is known to break; `blind` findings are what nobody would see."""

    critical: int
    high: int
    sentence: str
    known: Sequence[PreflightFindingView]
    blind: Sequence[PreflightFindingView]
    health: Sequence[PreflightHealthView]
    health_counts: Mapping[str, int]
    trends: Sequence[PreflightTrendView]
    decisions_connected: bool
    at: datetime


def preflight_view(
    *,
    sentence: str,
    counts: Mapping[OpsRiskLevel, int],
    findings: Sequence[OpsRiskFinding],
    signals: Sequence[OpsHealthSignal],
    health_counts: Mapping[OpsHealthStatus, int],
    trends: Sequence[OpsTrendMetric],
    projects: Mapping[int, str],
    decisions_connected: bool,
    at: datetime,
) -> PreflightView:
    """What is read, as the page shows it; `counts` are of the findings that are not blind."""
    return PreflightView(
        critical=counts.get(OpsRiskLevel.CRITICAL, 0),
        high=counts.get(OpsRiskLevel.HIGH, 0),
        sentence=sentence,
        known=[_finding(finding, projects) for finding in findings if not finding.blind],
        blind=[_finding(finding, projects) for finding in findings if finding.blind],
        health=[_health(signal, projects) for signal in signals],
        health_counts={status.value: number for status, number in health_counts.items()},
        trends=[_trend(metric, at.date()) for metric in trends],
        decisions_connected=decisions_connected,
        at=at,
    )


def _finding(finding: OpsRiskFinding, projects: Mapping[int, str]) -> PreflightFindingView:
    return PreflightFindingView(
        pill=_RISK_PILLS[finding.level],
        level=finding.level.value.capitalize(),
        kind=finding.kind,
        component=text_scrub(finding.component),
        project=projects.get(finding.project_id, "") if finding.project_id else "",
        title=text_scrub(finding.title),
        why=text_scrub(finding.why),
        todo=finding.todo,
        page=finding.page,
    )


def _health(signal: OpsHealthSignal, projects: Mapping[int, str]) -> PreflightHealthView:
    return PreflightHealthView(
        pill=_HEALTH_PILLS[signal.status],
        status=signal.status.value.capitalize(),
        component=text_scrub(signal.component),
        project=projects.get(signal.project_id, f"project {signal.project_id}"),
        why=signal.why,
        errors_last_hour=signal.errors_last_hour,
        usual_per_hour=signal.usual_per_hour,
        open_incidents=signal.open_incidents,
        last_heard=signal.last_heard,
    )


def _trend(metric: OpsTrendMetric, today: date) -> PreflightTrendView:
    definition = metric.definition
    chart = TrendChart(
        title=definition.title,
        sentence=metric.why,
        labels=day_labels([point.at.date() for point in metric.points], today=today),
        series=(TrendSeries(definition.title, tuple(_figure(point.value) for point in metric.points)),),
        unit=definition.unit,
        kind="line" if definition.ratio else "bars",
    )
    return PreflightTrendView(
        definition.key, definition.what, _TREND_PILLS[metric.direction], _TREND_WORDS[metric.direction], chart
    )


def _figure(value: float | None) -> float | None:
    """A count as a whole number: 12, not 12.0."""
    return int(value) if value is not None and value == int(value) else value
