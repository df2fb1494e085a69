"""Read-only Ops APIs of incidents, health, risks, trends, decisions and correlations (scope ops:read)."""

from collections.abc import Sequence

from django.http import HttpResponse

from incidents.triage.adapters import (
    founder_correlation,
    founder_decisions,
    founder_health,
    founder_incidents_summary,
    founder_risks,
    founder_trends,
)
from incidents.triage.services.correlations import correlation_page
from incidents.triage.services.ops_health import health_counts, health_overall
from incidents.triage.services.ops_risks import OpsRiskLevel, risk_counts, risks_from, risks_sentence
from incidents.triage.services.ops_trends import DEFAULT_DAYS, MAX_DAYS, METRICS, TrendDefinition, metric_find
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.workflows import (
    correlation_read,
    decisions_read,
    health_read,
    incidents_summary_read,
    risks_read,
    trends_read,
)
from incidents.triage.workflows.correlations import PAGE, PAGES
from readiness.infra.problem import json_response
from readiness.infra.refusals import FieldError, Invalid
from readiness.tenants.access import MachineRequest, machine, requires_scope

MAX_HOURS = 24 * 90
MAX_COMPONENT = 200


def _number(request: MachineRequest, name: str, *, default: int, most: int) -> int:
    """A whole number from 1 to `most` of the query. Raises Invalid, which names it."""
    asked = request.GET.get(name, str(default))
    if not (asked.isascii() and asked.isdigit() and len(asked) < 6 and 1 <= int(asked) <= most):
        raise Invalid(
            f"{name} must be a whole number from 1 to {most}.",
            errors=[FieldError(f"/{name}", f"{asked[:20]!r} is not.")],
        )
    return int(asked)


def _known(request: MachineRequest, *names: str) -> None:
    """Raises Invalid for a parameter that is not among these: a misspelt one would silently mean the default."""
    for name in request.GET:
        if name not in names:
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise Invalid(
                f"There is no parameter {name[:40]!r} here; {takes}.",
                errors=[FieldError(f"/{name[:40]}", "Unknown; take it away or correct its spelling.")],
            )


def _component(request: MachineRequest) -> str | None:
    """The component that is asked for, None for all. Raises Invalid."""
    asked = request.GET.get("component")
    if asked is not None and not (asked.isprintable() and 1 <= len(asked) <= MAX_COMPONENT):
        raise Invalid(
            f"component must be a component's name of 1 to {MAX_COMPONENT} characters.",
            errors=[FieldError("/component", f"{asked[:20]!r} is not.")],
        )
    return asked


@machine(methods=("GET",))
@requires_scope("ops:read")
def infra_summary(request: MachineRequest) -> HttpResponse:
    """GET /ops/incidents/infra-summary?hours=24&component=&min_severity=info: what failed lately, by what it asks of an
    operator.
    """
    _known(request, "hours", "component", "min_severity")
    severities = {severity.value: severity for severity in OpsSeverity}
    asked = request.GET.get("min_severity", OpsSeverity.INFO.value)
    if asked not in severities:
        raise Invalid(
            f"min_severity must be one of {', '.join(severities)}.",
            errors=[FieldError("/min_severity", f"{asked[:20]!r} is not.")],
        )
    summary = incidents_summary_read(
        hours=_number(request, "hours", default=24, most=MAX_HOURS),
        component=_component(request),
        min_severity=severities[asked],
        project_id=request.caller.project_id,
    )
    return json_response(
        founder_incidents_summary(counts=summary.counts, recent=summary.recent, start=summary.start, end=summary.end)
    )


@machine(methods=("GET",))
@requires_scope("ops:read")
def health(request: MachineRequest) -> HttpResponse:
    """GET /ops/health?component=: is the system OK now? Every component, those that ask for most first."""
    _known(request, "component")
    read = health_read(project_id=request.caller.project_id, component=_component(request))
    return json_response(
        founder_health(
            status=health_overall(read.signals),
            counts=health_counts(read.signals),
            signals=read.signals,
            projects=read.projects,
            truncated=read.truncated,
            at=read.at,
        )
    )


@machine(methods=("GET",))
@requires_scope("ops:read")
def risks(request: MachineRequest) -> HttpResponse:
    """GET /ops/risks?level=low: what breaks if users arrive? The findings at or above a level, the gravest first."""
    _known(request, "level")
    levels = {level.value: level for level in OpsRiskLevel}
    asked = request.GET.get("level", OpsRiskLevel.LOW.value)
    if asked not in levels:
        raise Invalid(
            f"level must be one of {', '.join(levels)}.", errors=[FieldError("/level", f"{asked[:20]!r} is not.")]
        )
    read = risks_read(project_id=request.caller.project_id)
    findings = risks_from(read.findings, floor=levels[asked])
    return json_response(
        founder_risks(
            summary=risks_sentence(read.findings),
            counts=risk_counts(findings),
            findings=findings,
            projects=read.projects,
            sources=read.sources,
            at=read.at,
        )
    )


@machine(methods=("GET",))
@requires_scope("ops:read")
def trends(request: MachineRequest) -> HttpResponse:
    """GET /ops/trends?days=14&metric=errors: better or worse? Every metric unless some are named."""
    _known(request, "days", "metric")
    days = _number(request, "days", default=DEFAULT_DAYS, most=MAX_DAYS)
    metrics = _metrics(request.GET.getlist("metric"))
    read = trends_read(days=days, metrics=metrics, project_id=request.caller.project_id)
    return json_response(founder_trends(metrics=read.metrics, since=read.since, until=read.at))


def _metrics(asked: Sequence[str]) -> Sequence[TrendDefinition]:
    """The metrics of these keys, each once; all of them for none. Raises Invalid."""
    found = []
    for key in dict.fromkeys(asked):
        metric = metric_find(key)
        if metric is None:
            known = ", ".join(metric.key for metric in METRICS)
            raise Invalid(
                f"There is no metric {key[:40]!r}; there are {known}.",
                errors=[FieldError("/metric", f"{key[:40]!r} is not one of {known}.")],
            )
        found.append(metric)
    return found or METRICS


@machine(methods=("GET",))
@requires_scope("ops:read")
def decisions(request: MachineRequest) -> HttpResponse:
    """GET /ops/decisions?hours=24: what the system decided, by engine and outcome; says so when nobody can tell."""
    _known(request, "hours")
    hours = _number(request, "hours", default=24, most=MAX_HOURS)
    return json_response(founder_decisions(decisions_read(hours=hours, project_id=request.caller.project_id)))


@machine(methods=("GET",))
@requires_scope("ops:read")
def correlation(request: MachineRequest, correlation_id: str) -> HttpResponse:
    """GET /ops/correlations/<id>?page=1: what happened together, in order, across components; a tenant's key sees its
    own.
    """
    asked = request.GET.get("page", "1")
    number = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 5 else 0
    story = correlation_read(asked=correlation_id, project_id=request.caller.project_id, page=number)
    page = correlation_page(events=story.events, number=number, size=PAGE)
    onward = f"{request.path}?page={number + 1}" if page.more and number < PAGES else None
    return json_response(founder_correlation(story, events=page.events, more=page.more, onward=onward))
