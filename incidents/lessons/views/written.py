"""Page: what was written of an incident, and how it changed."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from incidents.lessons.workflows import incident_written_read
from incidents.triage.workflows import incident_number


@require_safe
def incident_written(request: HttpRequest, public_id: str) -> HttpResponse:
    """What did we write of this incident, and what changed since?"""
    written = incident_written_read(incident_id=incident_number(public_id))
    return render(request, "lessons/written.html", {"written": written, "incident": written.incident})
