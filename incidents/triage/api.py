"""Read-only Ops APIs of incidents and correlations (scope ops:read)."""

from django.http import HttpResponse

from incidents.triage.adapters import founder_correlation, founder_incidents_summary
from incidents.triage.services.correlations import correlation_page
from incidents.triage.workflows import correlation_read, incidents_summary_read
from incidents.triage.workflows.correlations import PAGE, PAGES
from readiness.infra.problem import json_response
from readiness.infra.refusals import FieldError, Invalid
from readiness.tenants.access import MachineRequest, machine, requires_scope

MAX_HOURS = 24 * 90


@machine(methods=("GET",))
@requires_scope("ops:read")
def infra_summary(request: MachineRequest) -> HttpResponse:
    """GET /ops/incidents/infra-summary?hours=24: what failed lately, by what it asks of an operator."""
    asked = request.GET.get("hours", "24")
    if not asked.isascii() or not asked.isdigit() or not 1 <= int(asked[:6]) <= MAX_HOURS:
        raise Invalid(
            f"hours must be a whole number from 1 to {MAX_HOURS}.",
            errors=[FieldError("/hours", f"{asked[:20]!r} is not.")],
        )
    summary = incidents_summary_read(hours=int(asked), project_id=request.caller.project_id)
    return json_response(
        founder_incidents_summary(counts=summary.counts, recent=summary.recent, start=summary.start, end=summary.end)
    )


@machine(methods=("GET",))
@requires_scope("ops:read")
def correlation(request: MachineRequest, correlation_id: str) -> HttpResponse:
    """GET /ops/correlations/<id>?page=1: what happened together, in order, across components; a tenant's key sees its
    own.
    """
    asked = request.GET.get("page", "1")
    number = int(asked[:4]) if asked.isascii() and asked.isdigit() else 0
    story = correlation_read(asked=correlation_id, project_id=request.caller.project_id, page=number)
    page = correlation_page(events=story.events, number=number, size=PAGE)
    onward = f"{request.path}?page={number + 1}" if page.more and number < PAGES else None
    return json_response(founder_correlation(story, events=page.events, more=page.more, onward=onward))
