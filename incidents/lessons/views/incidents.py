"""Pages: an incident from first event to proven prevention, with what people write on it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from incidents.lessons import workflows
from incidents.lessons.forms import (
    ControlForm,
    LessonForm,
    RootCauseForm,
)
from incidents.lessons.models import Control
from incidents.lessons.services.fixes import MAX_RELEASE
from incidents.lessons.views.incident_page import incident_page
from incidents.lessons.views.refused import form_refuse
from incidents.triage import workflows as triage
from incidents.triage.workflows import incident_number
from readiness.infra.actor import Actor
from readiness.infra.refusals import Conflict, Invalid, NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role


@require_safe
def incident(request: HttpRequest, public_id: str) -> HttpResponse:
    """What broke, why, and what keeps it from breaking again; one that was merged leads to where its events are."""
    return incident_page(request, incident_number(public_id))


def _write_root_cause(incident_id: int, given: dict[str, Any], actor: Actor) -> str:
    revision = given.pop("revision")
    written = workflows.root_cause_write(incident_id=incident_id, expected_revision=revision, actor=actor, **given)
    if written.evidence or written.evidence_reason:
        return "The root cause is saved."
    return "The root cause is saved without evidence: the diagnosis clock runs on until you pin what shows it."


def _write_lesson(incident_id: int, given: dict[str, Any], actor: Actor) -> str:
    workflows.lesson_write(incident_id=incident_id, actor=actor, **given)
    return "The lesson is saved."


def _write_control(incident_id: int, given: dict[str, Any], actor: Actor) -> str:
    control = workflows.control_create(incident_id=incident_id, actor=actor, **given)
    if control.kind == Control.Kind.PLAYBOOK:
        return f"{control.public_id} is kept. Propose it for the playbook, where the next one looks first."
    return f"{control.public_id} is made. Now prove it: let it fail on the broken commit and pass on the fix."


# name in the address → (name in the template, form, prefix, use-case)
_Write = tuple[str, type[Form], str, Callable[[int, dict[str, Any], Actor], str]]
_WRITES: dict[str, _Write] = {
    "root-cause": ("root_cause_form", RootCauseForm, "cause", _write_root_cause),
    "lesson": ("lesson_form", LessonForm, "lesson", _write_lesson),
    "control": ("control_form", ControlForm, "control", _write_control),
}
_MOVES: dict[str, tuple[Callable[..., object], str]] = {
    "confirm-recurrence": (triage.incident_confirm_recurrence, "Confirmed: it counts against its controls now."),
    "hide": (triage.incident_hide_sample, "The sample is hidden."),
    "prevent": (workflows.incident_prevent, "Prevented. The same error in a new release is a recurrence from now on."),
    "close": (workflows.incident_close, "Closed. Its controls go on being run."),
}


@require_POST
@requires_role("founder", "engineer")
def incident_write(request: HttpRequest, public_id: str, what: str) -> HttpResponse:
    """Save what a person wrote on the incident's page; a refusal (422) shows the page with the input kept."""
    incident_id = incident_number(public_id)
    if what not in _WRITES:
        raise NotFound(f"An incident has no {what[:40]!r} to write.")
    name, form_class, prefix, write = _WRITES[what]
    form = form_class(request.POST, prefix=prefix)
    if form.is_valid():
        try:
            messages.success(request, write(incident_id, dict(form.cleaned_data), actor_of(request)))
            return redirect("incident", public_id=f"INC-{incident_id}")
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
    return incident_page(request, incident_id, forms={name: form}, status=422)


@require_POST
@requires_role("founder", "engineer")
def incident_move(request: HttpRequest, public_id: str, move: str) -> HttpResponse:
    """One step of the incident's life; a refusal says why on the page."""
    incident_id = incident_number(public_id)
    if move not in _MOVES:
        raise NotFound(f"An incident knows no move {move[:40]!r}.")
    use_case, said = _MOVES[move]
    carried = request.POST.get("seen", "")  # the revision that the form's author saw
    given: dict[str, Any] = {}
    if move != "hide" and carried.isascii() and carried.isdigit() and len(carried) < 16:
        given["seen"] = int(carried)
    if move in ("prevent", "close"):
        given["fixed_in_release"] = request.POST.get("fixed_in_release", "")
    typed = ""
    try:
        use_case(incident_id=incident_id, actor=actor_of(request), **given)
        messages.success(request, said)
    except (Conflict, Invalid) as refusal:
        messages.error(request, refusal.detail)
        typed = given.get("fixed_in_release", "")[:MAX_RELEASE]
    if move == "hide":
        return redirect("incident-list")
    page = reverse("incident", args=[f"INC-{incident_id}"])
    return redirect(f"{page}?{urlencode({'fixed_in_release': typed})}#closing" if typed else page)
