"""Waivers, given on the page of the incident or control that they cover, and taken back there."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from incidents.lessons import workflows
from incidents.lessons.forms import WaiverForm
from incidents.lessons.views.controls import control_page
from incidents.lessons.views.incident_page import incident_page
from incidents.lessons.views.refused import form_refuse
from incidents.lessons.workflows import control_number, waiver_number
from incidents.triage.workflows import incident_number
from readiness.infra.refusals import NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role


def role_of(request: HttpRequest) -> str:
    return str(getattr(request.user, "role", ""))


@require_POST
@requires_role("founder", "engineer")
def incident_waive(request: HttpRequest, public_id: str) -> HttpResponse:
    """Let an incident close without a proven control, for a while; a refusal (422) shows the page, the input kept."""
    incident_id = incident_number(public_id)
    form = WaiverForm(request.POST, prefix="waiver")
    if form.is_valid():
        try:
            given = workflows.incident_waive(
                incident_id=incident_id, actor=actor_of(request), role=role_of(request), **form.cleaned_data
            )
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
        else:
            messages.success(request, f"{given.public_id} is given, under your name.")
            return redirect("incident", public_id=f"INC-{incident_id}")
    return incident_page(request, incident_id, forms={"waiver_form": form}, status=422)


@require_POST
@requires_role("founder", "engineer")
def control_waive(request: HttpRequest, public_id: str) -> HttpResponse:
    """Let a stale or broken control count, for a while; a refusal (422) shows the page, the input kept."""
    control_id = control_number(public_id)
    form = WaiverForm(request.POST, prefix="waiver")
    if form.is_valid():
        try:
            given = workflows.control_waive(
                control_id=control_id, actor=actor_of(request), role=role_of(request), **form.cleaned_data
            )
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
        else:
            messages.success(request, f"{given.public_id} is given, under your name.")
            return redirect("control", public_id=f"CTL-{control_id}")
    return control_page(request, control_id, waiver_form=form, status=422)


@require_POST
@requires_role("founder", "engineer")
def waiver_revoke(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take a waiver back; its page (its control's, else its incident's) says so, or why not."""
    waiver_id = waiver_number(public_id)
    try:
        workflows.waiver_revoke(
            waiver_id=waiver_id, actor=actor_of(request), role=role_of(request), reason=request.POST.get("reason", "")
        )
        messages.success(request, f"WVR-{waiver_id} counts for nothing from now on.")
    except NotFound:
        raise
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    name, page = workflows.waiver_page_read(waiver_id=waiver_id)
    return redirect(name, public_id=page)
