"""Pages: a control with its runs."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from incidents.lessons import workflows
from incidents.lessons.forms import (
    ControlRevisionForm,
)
from incidents.lessons.views.refused import form_refuse
from incidents.lessons.workflows import control_number, control_page_read
from readiness.infra.refusals import NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role

RUNS_A_PAGE = 25


@require_safe
def control(request: HttpRequest, public_id: str) -> HttpResponse:
    """Does this control hold, and by which runs?"""
    return _control_page(request, control_number(public_id))


def _control_page(
    request: HttpRequest, control_id: int, *, form: ControlRevisionForm | None = None, status: int = 200
) -> HttpResponse:
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 16 else None
    page = control_page_read(control_id=control_id, before=before, limit=RUNS_A_PAGE)
    shown, row = page.runs[:RUNS_A_PAGE], page.control
    fields = ("kind", "title", "command", "check_first", "never_again", "governance_updates", "owner", "due_on")
    known = {name: getattr(row, name) for name in (*fields, "period_days")}
    context = {
        "page": page,
        "control": row,
        "incident": row.incident,
        "runs": shown,
        "older_url": f"?before={shown[-1].sequence}" if len(page.runs) > RUNS_A_PAGE else "",
        "newer_url": "?" if before is not None else "",
        "broken_commit": page.root_cause.broken_commits[0]
        if page.root_cause and page.root_cause.broken_commits
        else "",
        "console_url": settings.READINESS_BASE_URL,
        "form": form or ControlRevisionForm(initial=known),
        "may_write": getattr(request.user, "role", "") in ("founder", "engineer"),
    }
    return render(request, "lessons/control.html", context, status=status)


@require_POST
@requires_role("founder", "engineer")
def control_revise(request: HttpRequest, public_id: str) -> HttpResponse:
    """Change a control, or make a new version of it."""
    control_id = control_number(public_id)
    form = ControlRevisionForm(request.POST)
    if form.is_valid():
        changes = dict(form.cleaned_data)
        new_version, reason = changes.pop("new_version"), changes.pop("reason")
        try:
            revised = workflows.control_revise(
                control_id=control_id, changes=changes, new_version=new_version, reason=reason, actor=actor_of(request)
            )
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
        else:
            messages.success(request, f"{revised.public_id} is saved, version {revised.version}.")
            return redirect("control", public_id=revised.public_id)
    return _control_page(request, control_id, form=form, status=422)
