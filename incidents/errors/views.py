"""Pages of capture: what each class of error means, and what founders have seen of its limits (the notices themselves
stand on the pages of others)."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from incidents.errors.workflows import limit_notices_see
from incidents.errors.workflows.classifying import COUNTED_FOR, class_counts_read
from readiness.infra.envelope import ALLOWED_FAMILIES, FAMILIES, LAYER_NAMES, LAYERS, ErrorClass
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


@require_safe
def taxonomy(request: HttpRequest) -> HttpResponse:
    """The classes by family, each with when to use it, and which layer may emit which; for every signed-in person."""
    counts = class_counts_read()
    families = [
        (family, meaning, [(one, counts.get(one.value, 0)) for one in ErrorClass if one.family == family])
        for family, meaning in FAMILIES.items()
    ]
    layers = [
        (layer, LAYER_NAMES[layer], [(family, family in ALLOWED_FAMILIES[layer]) for family in FAMILIES])
        for layer in LAYERS
    ]
    total = sum(counts.values())
    return render(
        request,
        "errors/taxonomy.html",
        {
            "families": families, "layers": layers, "days": COUNTED_FOR.days, "total": total,
            "unclassified": counts.get(ErrorClass.SYSTEM_UNCLASSIFIED.value, 0), "classes": len(ErrorClass),
        },
    )  # fmt: skip
