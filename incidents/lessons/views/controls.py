"""Pages: a control with its runs."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from incidents.lessons import workflows
from incidents.lessons.forms import ControlRevisionForm, WaiverForm
from incidents.lessons.services.prevention import control_is_overdue, title_hint
from incidents.lessons.services.record import control_record_steps
from incidents.lessons.services.steps import Step
from incidents.lessons.services.waivers import waiver_may_be_given
from incidents.lessons.views.refused import form_refuse
from incidents.lessons.workflows import ControlPage, control_number, control_page_read
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Conflict, NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role

RUNS_A_PAGE = 25
_SHOWN_IN_FORM = (
    "kind", "title", "command", "owner", "due_on", "period_days", "rule_kind", "rule_reference", "check_first",
    "never_again", "symptom_fix", "prevention_primitive", "evolution", "governance_updates",
)  # fmt: skip


@require_safe
def control(request: HttpRequest, public_id: str) -> HttpResponse:
    """Does this control hold, and by which runs?"""
    return control_page(request, control_number(public_id))


def control_page(
    request: HttpRequest,
    control_id: int,
    *,
    form: ControlRevisionForm | None = None,
    waiver_form: WaiverForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page of one control; the forms are those that came back refused."""
    asked = request.GET.get("before", "")
    before = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 16 else None
    page = control_page_read(control_id=control_id, before=before, limit=RUNS_A_PAGE)
    shown, row = page.runs[:RUNS_A_PAGE], page.control
    role = getattr(request.user, "role", "")
    context = {
        "page": page,
        "control": row,
        "incident": row.incident,
        "overdue": control_is_overdue(state=page.verdict.state.value, due_on=row.due_on, today=utcnow().date()),
        "hint": title_hint(row.title),
        "record": _record(page),
        "runs": shown,
        "older_url": f"?before={shown[-1].sequence}" if len(page.runs) > RUNS_A_PAGE else "",
        "newer_url": "?" if before is not None else "",
        "broken_commit": _broken_commit(page),
        "console_url": settings.READINESS_BASE_URL,
        "form": form or ControlRevisionForm(initial=_initial(page)),
        "form_refused": form is not None,
        "waiver_form": waiver_form or WaiverForm(prefix="waiver"),
        "waiver_refused": waiver_form is not None,
        "may_write": role in ("founder", "engineer"),
        "may_waive": waiver_may_be_given(priority=row.incident.priority, role=role),
    }
    return render(request, "lessons/control.html", context, status=status)


def _initial(page: ControlPage) -> dict[str, object]:
    known: dict[str, object] = {name: getattr(page.control, name) for name in _SHOWN_IN_FORM}
    return {**known, "stamp": page.stamp}


def _record(page: ControlPage) -> tuple[Step, ...]:
    row = page.control
    return control_record_steps(
        incident=row.incident.public_id,
        root_cause=page.root_cause.text if page.root_cause else "",
        symptom_fix=row.symptom_fix,
        prevention_primitive=row.prevention_primitive,
        evolution=row.get_evolution_display(),
        state=page.verdict.state,
    )


def _broken_commit(page: ControlPage) -> str:
    return str(page.root_cause.broken_commits[0]) if page.root_cause and page.root_cause.broken_commits else ""


@require_POST
@requires_role("founder", "engineer")
def control_revise(request: HttpRequest, public_id: str) -> HttpResponse:
    """Change a control, or make a new version of it; a refusal (422) keeps the input and shows what is there now."""
    control_id = control_number(public_id)
    form = ControlRevisionForm(request.POST)
    if form.is_valid():
        changes = dict(form.cleaned_data)
        new_version, reason, stamp = changes.pop("new_version"), changes.pop("reason"), changes.pop("stamp")
        try:
            revised = workflows.control_revise(
                control_id=control_id,
                changes=changes,
                new_version=new_version,
                reason=reason,
                expected_stamp=stamp,
                actor=actor_of(request),
            )
        except NotFound:
            raise
        except Conflict as refusal:
            form_refuse(form, refusal)
            page = control_page_read(control_id=control_id, limit=0)
            form.differences_show(page.control, stamp=page.stamp)
        except Refusal as refusal:
            form_refuse(form, refusal)
        else:
            messages.success(request, f"{revised.public_id} is saved, version {revised.version}.")
            if hint := title_hint(revised.title):
                messages.warning(request, hint)
            return redirect("control", public_id=revised.public_id)
    return control_page(request, control_id, form=form, status=422)
