"""The preflight console: what breaks if users arrive?"""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from incidents.triage.adapters import preflight_view
from incidents.triage.adapters.preflight import PreflightFindingView
from incidents.triage.services.ops_health import OpsHealthStatus, health_counts
from incidents.triage.services.ops_risks import risk_counts, risks_sentence
from incidents.triage.workflows import preflight_read


@dataclass(frozen=True, slots=True)
class Row:
    """One finding and the address of the page behind it, or ""."""

    finding: PreflightFindingView
    url: str


@require_safe
def preflight(request: HttpRequest) -> HttpResponse:
    """The number first, then every finding with why and what to do, then how each component is, and the trends."""
    read = preflight_read()
    known = [finding for finding in read.risks.findings if not finding.blind]
    view = preflight_view(
        sentence=risks_sentence(read.risks.findings),
        counts=risk_counts(known),
        findings=read.risks.findings,
        signals=read.health.signals,
        health_counts=health_counts(read.health.signals),
        trends=read.trends.metrics if read.trends else (),
        projects=read.risks.projects,
        decisions_connected=read.decisions_connected,
        at=read.risks.at,
    )
    dark = sum(signal.status is OpsHealthStatus.UNKNOWN and bool(signal.component) for signal in read.health.signals)
    context = {
        "view": view,
        "known": _rows(view.known),
        "blind": _rows(view.blind),
        "heard": any(row.component for row in view.health),
        "dark": dark,  # a silent project is a finding of its own
        "not_known": len(view.blind) + dark + (not view.decisions_connected),
        "truncated": read.health.truncated,
        "several_projects": len({row.project for row in view.health}) > 1,
    }
    return render(request, "triage/preflight.html", context)


def _rows(findings: Sequence[PreflightFindingView]) -> list[Row]:
    return [Row(finding, _url_of(finding)) for finding in findings]


def _url_of(finding: PreflightFindingView) -> str:
    if not finding.page:
        return ""
    try:
        url = reverse(finding.page[0], args=finding.page[1:])
    except NoReverseMatch:  # a source may name a page that this installation does not have
        return ""
    component = finding.kind.startswith("component_") and finding.component
    return f"{url}?{urlencode({'component': component})}" if component else url
