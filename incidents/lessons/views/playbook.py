"""Pages: the playbook, its sections, the edits proposed to them, its versions and their differences, its file."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from incidents.lessons.forms.playbook import PlaybookEditForm, ReviewForm, VersionForm, error_class_choices
from incidents.lessons.models import PlaybookProposal
from incidents.lessons.services.playbook import DIRECTIVE, EVOLUTION_RULE, MIRROR_MEANS
from incidents.lessons.services.playbook_edits import MAX_COMPONENT
from incidents.lessons.services.playbook_export import FILE_NAME
from incidents.lessons.services.playbook_search import MAX_QUERY
from incidents.lessons.store.playbook import book_version, proposals_listed, versions_listed
from incidents.lessons.views.refused import form_refuse
from incidents.lessons.workflows.playbook import (
    playbook_version_raise,
    proposal_accept,
    proposal_decline,
    proposal_make,
)
from incidents.lessons.workflows.reading.playbook import playbook_page_read, proposal_page_read, section_page_read
from incidents.lessons.workflows.reading.playbook_coverage import playbook_coverage_read
from incidents.lessons.workflows.reading.playbook_edits import EditStart, edit_start_read
from incidents.lessons.workflows.reading.playbook_file import playbook_file_read
from incidents.lessons.workflows.reading.playbook_versions import section_compare_read, versions_compare_read
from incidents.triage.services.ops_rules import aggregation_rules
from readiness.infra.refusals import NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role, writes_need_role

SECTIONS_A_PAGE = 25
ROWS_A_PAGE = 25
_MIRROR = {"directive": DIRECTIVE, "mirror_means": MIRROR_MEANS}


def _may_write(request: HttpRequest) -> bool:
    return getattr(request.user, "role", "") in ("founder", "engineer")


@require_safe
def playbook(request: HttpRequest) -> HttpResponse:
    """What do we check first, and what do we never do again?"""
    query, error_class = request.GET.get("q", "")[:MAX_QUERY].strip(), request.GET.get("class", "")[:64].strip()
    component = request.GET.get("component", "")[:MAX_COMPONENT].strip()
    found = playbook_page_read(query=query, error_class=error_class, component=component)
    context = {
        **_MIRROR,
        "book": found,
        "page": Paginator(found.sections, SECTIONS_A_PAGE).get_page(request.GET.get("page")),
        "query": query,
        "error_class": error_class,
        "component": component,
        "classes": error_class_choices(),
        "coverage": playbook_coverage_read(),
        "aggregation_rules": () if query or error_class or component else aggregation_rules(),
        "may_write": _may_write(request),
    }
    return render(request, "lessons/playbook.html", context)


@require_safe
def section(request: HttpRequest, number: int) -> HttpResponse:
    """What does one section say, and what did it grow from?"""
    context = {**_MIRROR, "page": section_page_read(number=number), "may_write": _may_write(request)}
    return render(request, "lessons/playbook_section.html", context)


# --- edits --------------------------------------------------------------------------------------------------------


@require_safe
def proposals(request: HttpRequest) -> HttpResponse:
    """Which edits wait for a second pair of eyes?"""
    asked = request.GET.get("state", PlaybookProposal.State.PROPOSED.value)
    state = asked if asked in PlaybookProposal.State.values else ""
    context = {
        "page": Paginator(proposals_listed(state=state), ROWS_A_PAGE).get_page(request.GET.get("page")),
        "state": state,
        "states": PlaybookProposal.State.choices,
        "may_write": _may_write(request),
    }
    return render(request, "lessons/playbook_proposals.html", context)


@writes_need_role("founder", "engineer")
def propose(request: HttpRequest) -> HttpResponse:
    """How should a section read from now on?"""
    start = edit_start_read(**_asked(request.POST if request.method == "POST" else request.GET))
    fixed = start.section is not None or start.replaces is not None
    if request.method != "POST":
        return _edit_page(request, start, PlaybookEditForm(initial=_known(start), fixed=fixed))
    form = PlaybookEditForm(request.POST, fixed=fixed)
    if form.is_valid():
        try:
            made = proposal_make(actor=actor_of(request), **form.cleaned_data)
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
        else:
            messages.success(request, "Proposed. Nothing is changed until it is accepted.")
            return redirect("playbook-proposal", proposal_id=made.pk)
    return _edit_page(request, start, form, status=422)


def _asked(given: QueryDict) -> dict[str, Any]:
    """What the address names to begin from; numbers that are none are left out."""
    numbers = {name: given.get(name, "") for name in ("section", "lesson", "control", "replaces")}
    known = {name: int(text) for name, text in numbers.items() if text.isascii() and text.isdigit() and len(text) < 16}
    error_class = given.get("class") or given.get("error_class") or ""
    names = {"error_class": error_class[:64], "component": given.get("component", "")[:MAX_COMPONENT]}
    return {**known, **{name: text.replace("\0", "") for name, text in names.items()}}  # no table can be asked for NUL


def _known(start: EditStart) -> dict[str, Any]:
    names = ("error_class", "component", "number", "why", "evolved", "root_cause", "before", "after", "files_changed")
    texts = {name: getattr(start.text, name) for name in ("title", "check_first", "never_again", "grown_from")}
    own = {name: getattr(start, name) for name in (*names, "base_version", "replaces")}
    return {**own, **texts}


def _edit_page(request: HttpRequest, start: EditStart, form: PlaybookEditForm, *, status: int = 200) -> HttpResponse:
    context = {"start": start, "form": form, "may_write": _may_write(request), "rule": EVOLUTION_RULE}
    return render(request, "lessons/playbook_edit.html", context, status=status)


@require_safe
def proposal(request: HttpRequest, proposal_id: int) -> HttpResponse:
    """Should the playbook say this?"""
    return _proposal_page(request, proposal_id, ReviewForm())


def _proposal_page(request: HttpRequest, proposal_id: int, form: ReviewForm, *, status: int = 200) -> HttpResponse:
    page = proposal_page_read(proposal_id=proposal_id, actor=actor_of(request))
    context = {"page": page, "proposal": page.proposal, "form": form, "may_write": _may_write(request)}
    return render(request, "lessons/playbook_proposal.html", context, status=status)


@require_POST
@requires_role("founder", "engineer")
def proposal_review(request: HttpRequest, proposal_id: int, verdict: str) -> HttpResponse:
    """Accept it, decline it, or withdraw one's own; a refusal says why on the page."""
    if verdict not in ("accept", "decline"):
        raise NotFound("A proposal is accepted or declined, nothing else.")
    form = ReviewForm(request.POST)
    if form.is_valid():
        note, actor = form.cleaned_data["note"], actor_of(request)
        try:
            if verdict == "accept":
                version = proposal_accept(proposal_id=proposal_id, actor=actor, note=note)
                messages.success(request, f"Accepted: the playbook is at {version.version}.")
            else:
                decided = proposal_decline(proposal_id=proposal_id, actor=actor, note=note)
                messages.success(request, f"The proposal is {decided.state}. Its text stays readable.")
            return redirect("playbook-proposal", proposal_id=proposal_id)
        except NotFound:
            raise
        except Refusal as refusal:
            form_refuse(form, refusal)
    return _proposal_page(request, proposal_id, form, status=422)


# --- versions -----------------------------------------------------------------------------------------------------


@require_safe
def versions(request: HttpRequest) -> HttpResponse:
    """How did the playbook become what it is?"""
    return _versions_page(request, VersionForm())


def _versions_page(request: HttpRequest, form: VersionForm, *, status: int = 200) -> HttpResponse:
    page = Paginator(versions_listed(), ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "version": book_version(),
        "form": form,
        "rule": EVOLUTION_RULE,
        "is_founder": getattr(request.user, "role", "") == "founder",
    }
    return render(request, "lessons/playbook_versions.html", context, status=status)


@require_POST
@requires_role("founder")
def version_raise(request: HttpRequest) -> HttpResponse:
    """A founder raises the version."""
    form = VersionForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            raised = playbook_version_raise(actor=actor_of(request), why=given["why"], to=given["version"])
            messages.success(request, f"The playbook is at {raised.version}.")
            return redirect("playbook-versions")
        except Refusal as refusal:
            form_refuse(form, refusal)
    return _versions_page(request, form, status=422)


@require_safe
def versions_asked(request: HttpRequest) -> HttpResponse:
    """From the form that asks for two versions to the page with their differences."""
    older, newer = (request.GET.get(name, "").strip()[:20].replace("/", "") for name in ("older", "newer"))
    if not older or not newer:
        raise NotFound("Name two versions to compare, such as v2.26 and v2.27; v0.0 is the empty playbook.")
    return redirect("playbook-compare", older=older, newer=newer)


@require_safe
def compare(request: HttpRequest, older: str, newer: str) -> HttpResponse:
    """What changed between two versions of the playbook?"""
    return render(request, "lessons/playbook_compare.html", {"page": versions_compare_read(older=older, newer=newer)})


@require_safe
def section_compare(request: HttpRequest, number: int, older: int, newer: int) -> HttpResponse:
    """What changed between two versions of a section?"""
    page = section_compare_read(number=number, older=older, newer=newer)
    return render(request, "lessons/playbook_section_compare.html", {"page": page})


@require_safe
def file(request: HttpRequest) -> HttpResponse:
    """SESSION_PLAYBOOK.yaml, as `manage.py export_playbook` writes it."""
    return HttpResponse(
        playbook_file_read(),
        content_type="application/yaml; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{FILE_NAME}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )
