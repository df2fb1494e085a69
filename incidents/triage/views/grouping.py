"""Pages: why an incident's events are in it, and merging, splitting and undoing that. Each shows what would happen, in
numbers, before it is confirmed; a confirmation says what it saw, so that of two people the second is told.
"""

from collections.abc import Iterable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from incidents.triage import workflows
from incidents.triage.workflows import incident_number
from readiness.infra.refusals import Conflict, Invalid, NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role

MAX_CHOSEN = 50


def _numbers(values: Iterable[str]) -> list[int]:
    """Whole numbers of the address or the form, each once; what is none is left out."""
    found = (value.strip().upper().removeprefix("INC-") for value in values)
    return list(dict.fromkeys(int(n) for n in found if n.isascii() and n.isdigit() and len(n) < 16))[:MAX_CHOSEN]


def _seen(request: HttpRequest) -> dict[int, int]:
    """`INC-5` had moved 3 times when the person looked: `5:3`."""
    pairs = [value.split(":") for value in request.POST.getlist("seen")[:MAX_CHOSEN]]
    return {
        int(pair[0]): int(pair[1])
        for pair in pairs
        if len(pair) == 2 and all(one.isascii() and one.isdigit() and len(one) < 16 for one in pair)
    }


@require_safe
def incident_grouping(request: HttpRequest, public_id: str) -> HttpResponse:
    """Why did this event land here?"""
    hashes = _numbers(request.GET.getlist("hash"))
    page = workflows.grouping_page_read(
        incident_id=incident_number(public_id),
        page=request.GET.get("page"),
        fingerprint_id=hashes[0] if hashes else None,
    )
    context = {
        "found": page,
        "incident": page.incident,
        "may_write": getattr(request.user, "role", "") in ("founder", "engineer"),
    }
    return render(request, "triage/grouping.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_role("founder", "engineer")
def incident_merge(request: HttpRequest) -> HttpResponse:
    """Which incident stays, what that would come to, and doing it."""
    sent = request.POST if request.method == "POST" else request.GET
    incidents, into = _numbers(sent.getlist("incident")), _numbers(sent.getlist("into"))[:1]
    if not into:
        return _merge_choose(request, incidents)
    # Chosen in the list beside the others, the one that stays is not merged; alone, it would go into itself.
    sources = [pk for pk in incidents if pk != into[0]] or incidents
    if request.method == "POST":
        try:
            target = workflows.incident_merge(
                source_ids=sources, target_id=into[0], actor=actor_of(request), seen=_seen(request)
            )
        except (Conflict, Invalid) as refusal:
            return _merge_confirm(request, sources, into[0], refusal)
        many = f"{len(sources)} incidents were" if len(sources) > 1 else f"INC-{sources[0]} was"
        messages.success(request, f"{many} merged into INC-{target.incident_id}. Later events of both count here.")
        return redirect("incident-grouping", public_id=f"INC-{target.incident_id}")
    return _merge_confirm(request, sources, into[0])


def _merge_choose(request: HttpRequest, incidents: list[int], refusal: Refusal | None = None) -> HttpResponse:
    words = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    choice = None
    try:
        choice = workflows.merge_choose(incident_ids=incidents, words=words)
    except (Conflict, Invalid) as refused:
        refusal = refusal or refused
    context = {"choice": choice, "incidents": incidents, "words": words, "refusal": refusal}
    return render(request, "triage/merge_choose.html", context, status=refusal.status if refusal else 200)


def _merge_confirm(
    request: HttpRequest, sources: list[int], target: int, refusal: Refusal | None = None
) -> HttpResponse:
    try:
        preview = workflows.merge_preview(source_ids=sources, target_id=target)
    except Invalid as refused:
        return _merge_choose(request, sources, refused)
    context = {"preview": preview, "refusal": refusal}
    return render(request, "triage/merge_confirm.html", context, status=refusal.status if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_role("founder", "engineer")
def incident_unmerge(request: HttpRequest, merge_id: int) -> HttpResponse:
    """What undoing a merge would come to, and doing it."""
    refusal: Refusal | None = None
    if request.method == "POST":
        try:
            back = workflows.incident_unmerge(merge_id=merge_id, actor=actor_of(request), seen=_seen(request))
        except Conflict as refused:
            refusal = refused
        else:
            messages.success(request, f"INC-{back.incident_id} is an incident of its own again.")
            return redirect("incident-grouping", public_id=f"INC-{back.incident_id}")
    context = {"preview": workflows.unmerge_preview(merge_id=merge_id), "refusal": refusal}
    return render(request, "triage/unmerge.html", context, status=refusal.status if refusal else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@requires_role("founder", "engineer")
def incident_split(request: HttpRequest, public_id: str) -> HttpResponse:
    """What splitting the chosen hashes off would come to, and doing it."""
    incident_id, refusal = incident_number(public_id), None
    sent = request.POST if request.method == "POST" else request.GET
    wanted = _numbers(sent.getlist("hash"))
    if request.method == "POST":
        try:
            new = workflows.incident_split(
                incident_id=incident_id, fingerprint_ids=wanted, actor=actor_of(request), seen=_seen(request)
            )
        except NotFound:
            raise
        except Refusal as refused:
            refusal = refused
        else:
            messages.success(request, f"INC-{new.incident_id} was split off INC-{incident_id}.")
            return redirect("incident-grouping", public_id=f"INC-{new.incident_id}")
    preview = workflows.split_preview(incident_id=incident_id, fingerprint_ids=wanted)
    context = {"preview": preview, "refusal": refusal}
    return render(request, "triage/split.html", context, status=refusal.status if refusal else 200)
