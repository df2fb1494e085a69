"""Pages: may we go (home), all programs, one program with its gates, rubric, evidence and history."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from incidents.errors.workflows import limit_notices_shown
from readiness.infra.refusals import NotFound, Refusal
from readiness.programs import store
from readiness.programs.forms import AttestForm, EvidenceForm, ScoreForm
from readiness.programs.models import Evidence, Program
from readiness.programs.services.evidence import evidence_pk
from readiness.programs.services.facts import Claim
from readiness.programs.services.freshness import EvidenceState
from readiness.programs.services.gates import GateResult
from readiness.programs.services.rubric import CategoryResult
from readiness.programs.services.wording import TONES, uplift_segments, verdict_sentence
from readiness.programs.workflows import (
    ProgramView,
    evidence_add,
    gate_attest,
    home_read,
    program_unpin,
    program_view,
    programs_overview,
    score_set,
    verdict_chain_verify,
)
from readiness.tenants.access import actor_of, requires_role, writes_need_role

WRITERS = ("founder", "engineer")
MOVES_SHOWN = 6
HISTORY_SHOWN = 6
PAGE = 50


# --- may we go? -------------------------------------------------------------------------------------------------------


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The verdict of the first program: the word, why, and what to do next; then how it stands with the incidents."""
    view = home_read()
    shown = {"home": view, "limits": limit_notices_shown(role=getattr(request.user, "role", ""))}
    if view.program is None:
        return render(request, "programs/welcome.html", shown)
    shown |= {**_verdict_context(view.program), **_moves(view.program.program)}
    return render(request, "programs/home.html", shown)


def _verdict_context(view: ProgramView) -> dict[str, Any]:
    evaluation = view.evaluation
    return {
        "program": view.program,
        "evaluation": evaluation,
        "rubric": evaluation.rubric,
        "uplift": evaluation.uplift,
        "uplift_status": view.uplift_status,
        "tone": "neutral" if evaluation.frozen else TONES[evaluation.verdict],
        "word": "FROZEN" if evaluation.frozen else evaluation.verdict.value,
        "sentence": verdict_sentence(evaluation),
        "segments": uplift_segments(evaluation),
        "goal": "PROCEED" if view.program.kind == Program.Kind.PILOT else "GO",
        "wait_starts": evaluation.as_of or evaluation.evaluated_at.date(),
    }


def _moves(program: Program) -> dict[str, Any]:
    return {
        "moves": store.moves_recent(program, limit=MOVES_SHOWN),
        "changed": program.recorded.get("changed", [])[:MOVES_SHOWN],
    }


@require_safe
def program_list(request: HttpRequest) -> HttpResponse:
    """Every program with its verdict."""
    rows = [_verdict_context(view) | {"view": view} for view in programs_overview()]
    return render(request, "programs/program_list.html", {"rows": rows})


# --- one program ------------------------------------------------------------------------------------------------------


@require_safe
def program(request: HttpRequest, slug: str) -> HttpResponse:
    """What a program asks for, what is shown for it, and what was recorded."""
    view = program_view(slug=slug)
    row, recorded = view.program, view.program.recorded
    states = {item["key"]: item for item in recorded.get("prerequisites", ())}
    context = {
        **_verdict_context(view),
        **_moves(row),
        "recorded": recorded,
        "prerequisites": [(item, states.get(item["key"])) for item in row.prerequisites],
        "references": [piece for piece in store.evidence_from_document(row) if piece.url],
        "verdicts": store.verdicts_of(row)[:HISTORY_SHOWN],
        "may_write": _may_write(request),
    }
    return render(request, "programs/program.html", context)


@require_safe
def program_history(request: HttpRequest, slug: str) -> HttpResponse:
    """Every recorded verdict, and whether the chain of them is intact."""
    row = _program(slug)
    page = Paginator(store.verdicts_of(row), PAGE).get_page(request.GET.get("page"))
    chain = verdict_chain_verify(slug=slug)
    return render(request, "programs/history.html", {"program": row, "page": page, "chain": chain})


@require_POST
@requires_role(*WRITERS)
def program_today(request: HttpRequest, slug: str) -> HttpResponse:
    """Judge a program that was pinned to its document's date as of today."""
    program_unpin(slug=slug, actor=actor_of(request))
    messages.success(request, "From now on freshness and the calendar use today's date.")
    return redirect("program", slug=slug)


@require_http_methods(["GET", "HEAD", "POST"])
@writes_need_role(*WRITERS)
def program_evidence(request: HttpRequest, slug: str) -> HttpResponse:
    """All evidence of a program, and a form for one more piece."""
    row = _program(slug)
    form = EvidenceForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            recorded = evidence_add(slug=slug, draft=form.draft(), actor=actor_of(request))
        except Refusal as refusal:
            _refuse(form, refusal, {"collected_at": "collected_on"})
        else:
            said = "was there already" if recorded.repeated else "is recorded; attach it to a gate or a score"
            messages.success(request, f"{recorded.evidence.public_id} {said}.")
            return redirect("program-evidence", slug=slug)
    page = Paginator(store.evidence_listed(row), PAGE).get_page(request.GET.get("page"))
    context = {"program": row, "page": page, "form": form, "may_write": _may_write(request)}
    return render(request, "programs/evidence.html", context, status=422 if form.is_bound else 200)


# --- a word on a gate, a score ----------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@writes_need_role(*WRITERS)
def program_gate(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """What a gate asks for and what is shown for it; attest to one of its criteria."""
    view = program_view(slug=slug)
    gate = next((g for g in view.evaluation.gates if g.key == key), None)
    if gate is None:
        raise NotFound(f"{slug} has no gate “{key[:40]}”; its page lists those it has.")
    asked = request.POST.get("criterion") or request.GET.get("criterion", "")
    criterion = next((c for c in gate.criteria if c.key == asked), None) or _first_open(gate)
    offered = _offered(view.program, criterion.evidence)
    initial = {"criterion": criterion.key, "evidence": _pks(criterion.evidence)}
    form = AttestForm(request.POST if request.method == "POST" else None, offered=offered, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            gate_attest(
                slug=slug,
                criterion=form.cleaned_data["criterion"],
                claim=Claim(form.cleaned_data["claim"]),
                evidence=form.chosen(),
                new=form.draft(),
                note=form.cleaned_data["note"],
                actor=actor_of(request),
            )
        except NotFound:
            raise
        except Refusal as refusal:
            _refuse(form, refusal, {"title": "new_title", "url": "new_url"})
        else:
            messages.success(request, f"Recorded for {criterion.key}; the verdict follows it.")
            return redirect("program-gate", slug=slug, key=key)
    context = {
        "program": view.program,
        "gate": gate,
        "criterion": criterion,
        "form": form,
        "may_write": _may_write(request),
    }
    return render(request, "programs/gate.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@writes_need_role(*WRITERS)
def program_score(request: HttpRequest, slug: str, key: str) -> HttpResponse:
    """What a category scores and on which evidence; set the score."""
    view = program_view(slug=slug)
    categories = view.evaluation.rubric.categories if view.evaluation.rubric else ()
    category = next((c for c in categories if c.key == key), None)
    if category is None:
        raise NotFound(f"{slug}'s rubric has no category “{key[:40]}”; its page lists those it has.")
    offered = _offered(view.program, category.evidence)
    initial = {"score": category.score, "evidence": _pks(category.evidence)}
    form = ScoreForm(request.POST if request.method == "POST" else None, offered=offered, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            score_set(
                slug=slug,
                category=key,
                score=form.cleaned_data["score"],
                evidence=form.chosen(),
                new=form.draft(),
                note=form.cleaned_data["note"],
                actor=actor_of(request),
            )
        except Refusal as refusal:
            _refuse(form, refusal, {"title": "new_title", "url": "new_url"})
        else:
            messages.success(request, f"{category.title} is at {form.cleaned_data['score']}; the verdict follows it.")
            return redirect("program", slug=slug)
    context = {
        "program": view.program,
        "category": category,
        "steps": _steps(view, category),
        "form": form,
        "may_write": _may_write(request),
    }
    return render(request, "programs/score.html", context, status=422 if form.is_bound else 200)


def _program(slug: str) -> Program:
    row = store.program_find(slug)
    if row is None:
        raise NotFound(f"There is no program “{slug}”; /programs/ lists those there are.")
    return row


def _first_open(gate: GateResult) -> Any:
    return next((c for c in gate.criteria if c.status != "met"), gate.criteria[0])


def _steps(view: ProgramView, category: CategoryResult) -> list[Any]:
    return [s for s in view.evaluation.program.uplift if s.category == category.key and s.from_score == category.score]


def _pks(states: tuple[EvidenceState, ...]) -> list[int]:
    return [pk for state in states if (pk := evidence_pk(state.evidence.ref)) is not None]


def _offered(row: Program, attached: tuple[EvidenceState, ...]) -> list[Evidence]:
    """What is attached already, then the newest of the rest."""
    first = store.evidence_chosen(program=row, pks=_pks(attached))
    known = {piece.pk for piece in first}
    return [*first, *(piece for piece in store.evidence_offered(row) if piece.pk not in known)]


def _may_write(request: HttpRequest) -> bool:
    return getattr(request.user, "role", "") in WRITERS


def _refuse(form: Form, refusal: Refusal, names: dict[str, str]) -> None:
    """The refusal beside the fields that it points at, else above the form."""
    beside = False
    for error in refusal.errors:
        pointer = error.pointer.strip("/")
        field = names.get(pointer, pointer)
        if field in form.fields:
            form.add_error(field, error.detail)
            beside = True
    if not beside:
        form.add_error(None, refusal.detail)
