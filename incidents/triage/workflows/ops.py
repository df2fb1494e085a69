"""The Ops models read: health, risks, trends and decisions, of one project or of the installation. READ_ONLY."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from incidents.errors.services.reports import WANTED
from incidents.triage.services import ops_decisions
from incidents.triage.services.ops_decisions import DecisionSource, DecisionsRead
from incidents.triage.services.ops_health import (
    HOUR,
    USUAL_OVER,
    ComponentFigures,
    OpsHealthSignal,
    component_health,
    health_order,
    project_silent,
)
from incidents.triage.services.ops_risks import FINDINGS_A_SOURCE, OpsRiskFinding, risks_order
from incidents.triage.services.ops_trends import (
    DEFAULT_DAYS,
    METRICS,
    HourlyCounts,
    OpsTrendMetric,
    TrendDefinition,
    trend_read,
    trend_since,
)
from incidents.triage.services.risk_rules import component_risks
from incidents.triage.store import ops as store
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.models import INSTALLATION_PROJECT_ID
from readiness.tenants.workflows import ProjectKeys, project_keys_read, synthetic_project_ids

COMPONENTS = 200
CONSOLE = "the console"  # project 0: the installation's own errors


class RiskSource(Protocol):
    """One of settings.READINESS_RISK_SOURCES: a READ_ONLY reader of what its subject knows to break, the gravest first,
    at most `limit` findings; of one project unless `project_id` is None. A fixed number of queries.
    """

    def __call__(self, *, project_id: int | None, limit: int) -> Sequence[OpsRiskFinding]: ...


@dataclass(frozen=True, slots=True)
class HealthRead:
    """Every component, those that ask for most first; `projects`: their names. `truncated`: there are more of them."""

    signals: list[OpsHealthSignal]
    projects: Mapping[int, str]
    truncated: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class RisksRead:
    """Every finding, the gravest first; `sources`: how many subjects were asked."""

    findings: list[OpsRiskFinding]
    projects: Mapping[int, str]
    sources: int
    at: datetime


@dataclass(frozen=True, slots=True)
class TrendsRead:
    """The series asked for; `since` is the first moment of the window."""

    metrics: list[OpsTrendMetric]
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class PreflightRead:
    """What the preflight console shows: one reading of everything."""

    health: HealthRead
    risks: RisksRead
    trends: TrendsRead | None
    decisions_connected: bool


def scope_of(project_id: int | None) -> store.Scope:
    """Whose rows are read. One query for the installation: which projects are synthetic."""
    return store.Scope(project_id, () if project_id is not None else synthetic_project_ids())


def project_names(projects: Sequence[ProjectKeys]) -> dict[int, str]:
    return {INSTALLATION_PROJECT_ID: CONSOLE, **{project.project_id: project.name for project in projects}}


@transactional(TransactionIntent.READ_ONLY)
def health_read(session: Session, *, project_id: int | None = None, component: str | None = None) -> HealthRead:
    """How every component is that was heard of in a week or is known to be broken, and each project never heard; or the
    one component that is asked for. Eight queries.
    """
    now = utcnow()
    hour = now.replace(minute=0, second=0, microsecond=0)
    scope, week = scope_of(project_id), hour - USUAL_OVER
    projects, heard = project_keys_read(project_id=project_id), store.projects_heard(scope=scope)
    for project in projects:
        if project.heard_at is not None:
            heard[project.project_id] = max(heard.get(project.project_id, project.heard_at), project.heard_at)
    heard[INSTALLATION_PROJECT_ID] = now  # the console itself: it is answering
    most = COMPONENTS + 1
    errors = store.component_errors(scope=scope, hour=hour, since=week, component=component, limit=most)
    broken = store.component_incidents(
        project_id=project_id, lately=now - HOUR, since=week, component=component, limit=most
    )
    signals = [component_health(figures=figures, now=now) for figures in _figures(errors, broken, heard, hour)]
    if component is None:
        signals += [project_silent(project_id=p.project_id) for p in projects if p.project_id not in heard]
    return HealthRead(
        signals=health_order(signals)[:COMPONENTS],
        projects=project_names(projects),
        truncated=len(signals) > COMPONENTS,
        at=now,
    )


def _figures(
    errors: Sequence[store.ComponentErrors],
    broken: Sequence[store.ComponentIncidents],
    heard: Mapping[int, datetime],
    hour: datetime,
) -> list[ComponentFigures]:
    counted = {(row.project_id, row.component): row for row in errors}
    open_ones = {(row.project_id, row.component): row for row in broken}
    found = []
    for key in [*counted, *(key for key in open_ones if key not in counted)]:
        counts, incidents = counted.get(key), open_ones.get(key)
        moments = [incidents.last_seen] if incidents else [counts.last] if counts else []
        found.append(
            ComponentFigures(
                project_id=key[0],
                component=key[1],
                this_hour=counts.this_hour if counts else 0,
                hour_before=counts.hour_before if counts else 0,
                earlier=counts.earlier if counts else 0,
                earlier_hours=max(0, (hour - HOUR - counts.first) // HOUR) if counts else 0,
                grave=incidents.grave if incidents else 0,
                lately=incidents.lately if incidents else 0,
                open=incidents.open if incidents else 0,
                heard_at=max(moments, default=None),
                project_heard_at=heard.get(key[0]),
            )
        )
    return found


@transactional(TransactionIntent.READ_ONLY)
def risks_read(session: Session, *, project_id: int | None = None) -> RisksRead:
    """What breaks if users arrive: the components' own findings, and those of every source."""
    return _risks(health_read(project_id=project_id), project_id)


def _risks(health: HealthRead, project_id: int | None) -> RisksRead:
    findings: list[OpsRiskFinding] = []
    sources: list[RiskSource] = [import_string(dotted) for dotted in settings.READINESS_RISK_SOURCES]
    for source in sources:
        findings += source(project_id=project_id, limit=FINDINGS_A_SOURCE)[:FINDINGS_A_SOURCE]
    findings += component_risks(signals=health.signals)[:FINDINGS_A_SOURCE]
    return RisksRead(risks_order(findings), health.projects, len(sources) + 1, health.at)


@transactional(TransactionIntent.READ_ONLY)
def trends_read(
    session: Session,
    *,
    days: int = DEFAULT_DAYS,
    metrics: Sequence[TrendDefinition] = METRICS,
    project_id: int | None = None,
) -> TrendsRead:
    """Series of the last `days`, the day under way included. Six queries, over hours of rollups and over what happened
    to incidents in the window.
    """
    now, scope = utcnow(), scope_of(project_id)
    since, known = trend_since(days=days, now=now), store.known_since(scope=scope)
    counts = _counts(scope, project_id, since)
    series = [
        trend_read(definition=metric, counts=counts.get(metric.key, {}), days=days, now=now, known_since=known)
        for metric in metrics
    ]
    return TrendsRead(metrics=series, since=since, at=now)


def _counts(scope: store.Scope, project_id: int | None, since: datetime) -> dict[str, HourlyCounts]:
    """metric → its hourly counts."""
    errors = store.errors_hourly(scope=scope, since=since)
    drops = store.drops_hourly(scope=scope, since=since, wanted=sorted(WANTED))
    moves = store.moves_hourly(project_id=project_id, kinds=("detected", "recurred", "prevented"), since=since)
    diagnoses = store.diagnoses_hourly(project_id=project_id, since=since)
    found: dict[str, HourlyCounts] = {
        "errors": {hour: (total, 0.0) for hour, total, _ in errors},
        "unclassified_share": {hour: (unclassified, total) for hour, total, unclassified in errors},
        "errors_lost": {hour: (total, 0.0) for hour, total in drops},
        "diagnosis_minutes": {hour: (seconds, number) for hour, seconds, number in diagnoses},
    }
    for kind in ("detected", "recurred", "prevented"):
        found[f"incidents_{kind}"] = {hour: (total, 0.0) for name, hour, total in moves if name == kind}
    return found


@transactional(TransactionIntent.READ_ONLY)
def decisions_read(session: Session, *, hours: int = 24, project_id: int | None = None) -> DecisionsRead:
    """What the system decided in the last hours, by settings.READINESS_DECISION_SOURCE; says so while that is empty."""
    until, dotted = utcnow(), settings.READINESS_DECISION_SOURCE
    source: DecisionSource | None = import_string(dotted) if dotted else None
    since = until - timedelta(hours=hours)
    return ops_decisions.decisions_read(source=source, since=since, until=until, project_id=project_id)


@transactional(TransactionIntent.READ_ONLY)
def preflight_read(session: Session, *, project_id: int | None = None, trends: bool = True) -> PreflightRead:
    """One reading for the preflight console; without the trends for who shows only the line (risks_sentence)."""
    health = health_read(project_id=project_id)
    return PreflightRead(
        health=health,
        risks=_risks(health, project_id),
        trends=trends_read(project_id=project_id) if trends else None,
        decisions_connected=bool(settings.READINESS_DECISION_SOURCE),
    )
