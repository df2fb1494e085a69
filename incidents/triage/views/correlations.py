"""Pages: what happened together, for one correlation."""

from dataclasses import dataclass
from datetime import timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.views.decorators.http import require_safe

from incidents.errors.services.waterfall import waterfall_build
from incidents.triage.services.correlations import (
    OpsCorrelatedEvent,
    OpsCorrelation,
    correlation_id_read,
    correlation_page,
)
from incidents.triage.services.sequence import SpanEvent, components_spell, events_fold
from incidents.triage.workflows import correlation_read, correlations_recent_read
from incidents.triage.workflows.correlations import PAGE as CORRELATION_PAGE
from incidents.triage.workflows.correlations import PAGES as CORRELATION_PAGES
from readiness.infra.refusals import Invalid, NotFound


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the sequence."""

    event: OpsCorrelatedEvent
    offset_ms: int
    times: int
    url: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the waterfall draws, on the correlation's own scale."""

    name: str
    start_ms: float
    duration_ms: float
    failed: bool


@require_safe
def correlation_search(request: HttpRequest) -> HttpResponse:
    """A pasted id leads to its page; without one, the correlations last heard of."""
    asked = request.GET.get("id", "")
    problem = ""
    if asked.strip():
        try:
            return redirect("correlation", correlation_id=correlation_id_read(asked))
        except (Invalid, NoReverseMatch) as refused:
            problem = refused.detail if isinstance(refused, Invalid) else "This id cannot be looked up by its address."
    return _search_page(request, asked=asked, problem=problem, status=422 if problem else 200)


def _search_page(request: HttpRequest, *, asked: str, problem: str, status: int) -> HttpResponse:
    recent = [(event, _url_of(event)) for event in correlations_recent_read()]
    context = {"asked": asked, "problem": problem, "recent": recent}
    return render(request, "triage/correlation_search.html", context, status=status)


@require_safe
def correlation(request: HttpRequest, correlation_id: str) -> HttpResponse:
    """What happened together, in order, across components."""
    try:
        number = _page_number(request.GET.get("page", ""))
        story = correlation_read(asked=correlation_id, page=number)
    except (NotFound, Invalid) as refused:
        return _search_page(request, asked=correlation_id, problem=refused.detail, status=refused.status)
    spans = [event for event in story.events if event.kind == "span"]
    told = [event for event in story.events if event.kind != "span"]
    number = min(number, max(1, -(-len(told) // CORRELATION_PAGE)))
    page = correlation_page(events=told, number=number, size=CORRELATION_PAGE)
    grave = [event for event in told if event.severity is story.worst and event.severity.rank > 0]
    context = {
        "story": story,
        "took_ms": round((story.ended_at - story.started_at) / timedelta(milliseconds=1)),
        "lines": [
            Line(found.event, story.offset_ms(found.event), found.times, _url_of(found.event))
            for found in events_fold(page.events)
        ],
        "page": page,
        "number": number,
        "earlier": f"?page={number - 1}" if number > 1 else "",
        "later": f"?page={number + 1}" if page.more and number < CORRELATION_PAGES else "",
        "first_grave": (grave[0], _url_of(grave[0])) if grave else None,
        "waterfall": waterfall_build(spans=[SpanEvent(event) for event in spans], span_id=None),
        "lanes": _lanes(story),
        "left_out": [part for part in story.slices if part.total > part.shown],
    }
    return render(request, "triage/correlation.html", context)


def _page_number(asked: str) -> int:
    number = int(asked[:4]) if asked.isascii() and asked.isdigit() else 1
    return min(max(number, 1), CORRELATION_PAGES)


def _url_of(event: OpsCorrelatedEvent) -> str:
    if not event.page:
        return ""
    try:
        return reverse(event.page[0], args=event.page[1:])
    except NoReverseMatch:  # a sender's id may hold what no address can
        return ""


def _lanes(story: OpsCorrelation) -> list[Drawn]:
    """Each component from its first to its last event."""
    return [
        Drawn(
            spell.component,
            (spell.first_at - story.started_at) / timedelta(milliseconds=1),
            (spell.last_at - spell.first_at) / timedelta(milliseconds=1),
            spell.failed,
        )
        for spell in components_spell(story.events)
    ]
