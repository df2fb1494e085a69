"""Pages of capture: what founders have seen of its limits. The notices themselves stand on the pages of others."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from incidents.errors.workflows import limit_notices_see
from readiness.tenants.access import actor_of, requires_role

_BACK = ("home", "incident-list")


@require_POST
@requires_role("founder")
def limits_seen(request: HttpRequest) -> HttpResponse:
    """A founder has read the notices, up to the newest on the page (`until`); back to that page (`back`)."""
    until = request.POST.get("until", "")
    if until.isascii() and until.isdigit() and len(until) < 19:
        limit_notices_see(until=int(until), actor=actor_of(request))
        messages.success(request, "Noted. The counts stay with the incident and the key.")
    back = request.POST.get("back", "")
    return redirect(back if back in _BACK else "home")
