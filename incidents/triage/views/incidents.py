"""The incident list. An incident's own page shows lessons and controls too, so it lives with them."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from incidents.errors.workflows import incidents_sampled, limit_notices_shown, sdk_drops_read
from incidents.triage.filters import IncidentFilter
from incidents.triage.services.clock import diagnosis_clock
from incidents.triage.store import incidents_listed
from readiness.infra.clock import utcnow

PAGE = 50


@require_GET
def incident_list(request: HttpRequest) -> HttpResponse:
    """What broke, the last seen first: open incidents unless the filters say otherwise."""
    wanted = request.GET.copy()
    wanted.setdefault("state", "open")
    filters = IncidentFilter(wanted, queryset=incidents_listed())
    page = Paginator(filters.qs, PAGE).get_page(request.GET.get("page"))
    now = utcnow()
    shown = list(page.object_list)
    sampled = incidents_sampled(incident_ids=[incident.pk for incident in shown])
    rows = [
        (
            incident,
            diagnosis_clock(detected_at=incident.detected_at, diagnosed_at=incident.diagnosed_at, now=now),
            sampled.get(incident.pk, 0),
        )
        for incident in shown
    ]
    filtered = any(value for name, value in request.GET.items() if name != "page")
    samples = filters.qs.filter(synthetic=True).count()  # shown, and kept out of the figure
    context = {
        "filters": filters,
        "page": page,
        "rows": rows,
        "filtered": filtered,
        "samples": samples,
        "real": page.paginator.count - samples,
        "limits": limit_notices_shown(role=getattr(request.user, "role", "")),
        "may_write": getattr(request.user, "role", "") in ("founder", "engineer"),
        "dropped": sum(project.drops.lost for project in sdk_drops_read(hours=24)),
    }
    return render(request, "triage/incident_list.html", context)
