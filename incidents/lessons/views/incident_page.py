"""The incident's page as it is read: its context from one story, and its forms."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from incidents.errors.adapters import ErrorView, error_view, said_view
from incidents.lessons.adapters import together_views
from incidents.lessons.forms import (
    ControlForm,
    LessonForm,
    RootCauseForm,
    WaiverForm,
)
from incidents.lessons.models import Control
from incidents.lessons.services.fixes import MAX_RELEASE
from incidents.lessons.services.steps import incident_steps
from incidents.lessons.services.waivers import waiver_may_be_given
from incidents.lessons.services.what_broke import WhatBroke, what_broke_tell
from incidents.lessons.workflows import IncidentStory, incident_story_read
from incidents.triage.services.response import is_grave
from incidents.triage.workflows import incident_life_read, timeline_page_of

MAX_OFFERED = 6
TIMELINE_SHOWN = 20
MAX_PLACE = 80
# The part of the page in which each next step is done.
_PLACES = {
    "acknowledge": "life", "root_cause": "root-cause", "lesson": "lesson", "control": "prevention",
    "prove": "prevention", "prevent": "closing", "post_mortem": "closing", "close": "closing",
}  # fmt: skip


def incident_page(
    request: HttpRequest, incident_id: int, *, forms: dict[str, Form] | None = None, status: int = 200
) -> HttpResponse:
    """The page of one incident; `forms` are those that came back refused, by their name in the template. Where it was
    merged away while they were filled in, they stand on the page of the other one, to be saved there.
    """
    story = incident_story_read(incident_id=incident_id, timeline_limit=0)
    if (target := story.incident.merged_into_id) is not None:
        messages.info(request, f"INC-{incident_id} was merged into INC-{target}: this is what both are now.")
        if forms:
            return incident_page(request, target, forms=forms, status=status)
        return redirect("incident", public_id=f"INC-{target}")
    timeline = timeline_page_of(incident=story.incident, merged=story.merged, limit=TIMELINE_SHOWN)
    error = None if story.event is None else error_view(story.event)
    context = {
        "story": story,
        "incident": story.incident,
        "error": error,
        "life": incident_life_read(incident_id=incident_id, incident=story.incident, timeline=timeline),
        "timeline": timeline,
        "broke": None if error is None else what_broke(error),
        "evidence": story.around.evidence,
        "retention_days": settings.READINESS_RETENTION_DAYS,
        "sampled": story.sampled,
        "together": together_views(story.together),
        "said": [said_view(report) for report in story.said],
        "steps": _steps(story),
        "next_place": _PLACES.get(story.next_step.code, ""),
        "may_write": getattr(request.user, "role", "") in ("founder", "engineer"),
        "may_waive": waiver_may_be_given(priority=story.incident.priority, role=getattr(request.user, "role", "")),
        **_forms(story, forms or {}),
        **lesson_form_context(request, story, forms or {}),
        "theirs": _theirs(story, (forms or {}).get("root_cause_form")),
        "opened": next(iter(forms), "") if forms else "",
        "fix_typed": request.GET.get("fixed_in_release", "")[:MAX_RELEASE],
    }
    return render(request, "lessons/incident.html", context, status=status)


def what_broke(error: ErrorView) -> WhatBroke:
    """The sentence over the evidence: where, what, and what its program was doing."""
    own = [frame for frame in error.exceptions[0].frames if frame.in_app] if error.exceptions else []
    return what_broke_tell(
        component=error.component,
        exception_type=error.exceptions[0].type if error.exceptions else "",
        message=error.message,
        function=own[0].function[:MAX_PLACE] if own else "",
        place=own[0].place[:MAX_PLACE] if own else "",
        request=_asked(error.request),
        environment=error.environment,
    )


def _asked(request: str) -> str:
    """`POST /orders` of `POST https://shop.example/orders`."""
    method, _, url = request.partition(" ")
    _, scheme, rest = url.partition("://")
    path = f"/{rest.partition('/')[2]}" if scheme else url
    return f"{method} {path}"[:MAX_PLACE] if url else request[:MAX_PLACE]


def _steps(story: IncidentStory) -> object:
    incident = story.incident
    return incident_steps(
        status=incident.status,
        detected_at=incident.detected_at,
        acknowledged_at=incident.acknowledged_at,
        owner=incident.owner,
        diagnosed_at=incident.diagnosed_at,
        prevented_at=incident.prevented_at,
        closed_at=incident.closed_at,
        recurrences=incident.recurrences,
        has_controls=bool(story.controls),
        may_close=story.closing.allowed,
        now=story.now,
    )


def _forms(story: IncidentStory, refused: dict[str, Form]) -> dict[str, Form]:
    cause, offered = story.root_cause, events_offered(story)
    known: dict[str, Any] = {"revision": 0, "evidence": [error_id for error_id, _ in offered[:1]]}
    if cause is not None:
        known = {
            "text": cause.text,
            "contributing_factors": cause.contributing_factors,
            "broken_commits": cause.broken_commits,
            "evidence": cause.evidence or known["evidence"],
            "evidence_reason": cause.evidence_reason,
            "revision": cause.revision,
        }
    kind = Control.Kind.CHECK if is_grave(story.incident.priority) else None
    forms: dict[str, Form] = {
        "root_cause_form": RootCauseForm(initial=known, prefix="cause"),
        "control_form": ControlForm(initial={"kind": kind, "owner": story.incident.owner}, prefix="control"),
        "waiver_form": WaiverForm(prefix="waiver"),
        **refused,
    }
    cause_form = forms["root_cause_form"]
    if isinstance(cause_form, RootCauseForm):
        cause_form.events_offer(offered)
        if cause is None and story.around.suspects:
            cause_form.fields["text"].help_text = f"Look at: {'; '.join(story.around.suspects)}."
    return forms


def _theirs(story: IncidentStory, form: Form | None) -> bool:
    """Whether the root cause that came back refused was overtaken by somebody else's, which the page shows above it."""
    newest = story.root_cause.revision if story.root_cause else 0
    return isinstance(form, RootCauseForm) and form.overtaken_by(newest)


def lesson_form_context(request: HttpRequest, story: IncidentStory, refused: dict[str, Form]) -> dict[str, Any]:
    """The lesson's form: the one that came back, a correction of the lesson that `?correct=` names, or an empty one."""
    by_id = {str(lesson.pk): lesson for lesson in story.lessons}
    form = refused.get("lesson_form")
    if isinstance(form, LessonForm):
        asked = str(form["replaces"].value() or "")
        newer = next((lesson for lesson in story.lessons if str(lesson.replaces_id) == asked), None)
        if newer is not None:
            form.overtaken_by(newer.pk)
            asked = str(newer.pk)
        return {"lesson_form": form, "correcting": by_id[asked].pk if asked in by_id else None}
    lesson = by_id.get(request.GET.get("correct", ""))
    if lesson is None:
        return {"lesson_form": LessonForm(prefix="lesson"), "correcting": None}
    known = {name: getattr(lesson, name) for name in ("believed", "was_true", "do_now")}
    return {
        "lesson_form": LessonForm(initial={**known, "replaces": lesson.pk}, prefix="lesson"),
        "correcting": lesson.pk,
    }


def events_offered(story: IncidentStory) -> list[tuple[str, str]]:
    """(error id, words) of what may be pinned to the root cause: the event that is shown, the first one, those of its
    correlation, and what is pinned already. None when nothing is left of the incident.
    """
    event, incident = story.event, story.incident
    if event is None:
        return []
    newest = "a copy that was kept" if story.shown.copy_of else "the newest"
    offered = {event.error_id: f"{newest}: {_words(event.exception_type, event.message)}"}
    if event.error_id == incident.first_error_id:
        offered = {event.error_id: f"its first event: {_words(event.exception_type, event.message)}"}
    else:
        offered[incident.first_error_id] = "its first event"
    for other in story.together[:MAX_OFFERED]:
        told = f"{other.component} {_words(other.exception_type, other.message)}"
        offered.setdefault(other.error_id, f"in the same correlation: {told}")
    for error_id in story.root_cause.evidence if story.root_cause else ():
        offered.setdefault(str(error_id), "pinned before")
    return [(error_id, f"{words} ({error_id})") for error_id, words in offered.items()]


def _words(exception_type: str | None, message: str) -> str:
    said = f"{exception_type}: {message}" if exception_type else message
    line = said.strip().split("\n", 1)[0]
    return line if len(line) <= 80 else f"{line[:79]}…"
