"""Pages: the moves of an incident's life, and its whole timeline. The incident's own page is in lessons."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from incidents.triage import workflows
from incidents.triage.services.revisions import Change, ChangedMeanwhile
from incidents.triage.services.snoozing import snooze_asked
from incidents.triage.workflows import incident_number
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound, Refusal
from readiness.tenants.access import actor_of, requires_role

WRITERS = ("founder", "engineer")
_TYPED = 20_000  # characters of a field that a refused form shows again
_FIELDS = ("text", "reason", "owner", "priority", "wake", "until", "more")


@dataclass(frozen=True, slots=True)
class Refused:
    """A move that was refused: why, what others did meanwhile, and what the person had typed."""

    move: str
    detail: str
    changes: tuple[Change, ...] = ()
    typed: dict[str, str] = field(default_factory=dict)


def _number(sent: QueryDict, name: str) -> int | None:
    text = sent.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _take(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_acknowledge(incident_id=number, actor=actor, seen=seen)
    return "You have it. The clock runs until the root cause is written."


def _take_over(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_assign(incident_id=number, user_id=actor.id, actor=actor, seen=seen)
    return "It is yours now."


def _owner(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    # 0 is nobody's number: an empty choice is refused as such, not taken for dropping it.
    workflows.incident_assign(incident_id=number, user_id=_number(sent, "owner") or 0, actor=actor, seen=seen)
    return "It is handed over, and the timeline says so."


def _drop(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_assign(incident_id=number, user_id=None, actor=actor, seen=seen)
    return "It has no owner now, and waits to be taken."


def _priority(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    wanted = sent.get("priority", "")
    workflows.incident_set_priority(incident_id=number, priority=wanted, actor=actor, seen=seen)
    return f"{wanted} is set, by you."


def _note(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_note(incident_id=number, text=sent.get("text", ""), actor=actor)
    return "The note is on the timeline."


def _update(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_update(incident_id=number, text=sent.get("text", ""), actor=actor)
    return "The update is on the timeline; the next one's time begins now."


def _snooze(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    asked = snooze_asked(
        wake=sent.get("wake", ""), until=sent.get("until", ""), more=sent.get("more", ""), now=utcnow()
    )  # fmt: skip
    workflows.incident_snooze(
        incident_id=number, actor=actor, until=asked.until, more=asked.more, next_release=asked.next_release, seen=seen
    )
    return "It sleeps. The list shows it again when it wakes; the filter “Snoozed” shows it now."


def _wake(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_wake(incident_id=number, actor=actor, seen=seen)
    return "It is awake again."


def _undo(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_undo(incident_id=number, move_id=_number(sent, "move") or 0, actor=actor, seen=seen)
    return "Taken back. Both the move and this stand on the timeline."


def _reopen(sent: QueryDict, number: int, actor: Actor, seen: int | None) -> str:
    workflows.incident_reopen(incident_id=number, reason=sent.get("reason", ""), actor=actor, seen=seen)
    return "It is open again."


_MOVES: dict[str, Callable[[QueryDict, int, Actor, int | None], str]] = {
    "take": _take,
    "take-over": _take_over,
    "owner": _owner,
    "drop": _drop,
    "priority": _priority,
    "note": _note,
    "update": _update,
    "snooze": _snooze,
    "wake": _wake,
    "undo": _undo,
    "reopen": _reopen,
}


@require_POST
@requires_role(*WRITERS)
def incident_life_move(request: HttpRequest, public_id: str, move: str) -> HttpResponse:
    """One move; `seen` is the revision that the form carries. A refusal (409, 422) shows what was typed again."""
    number = incident_number(public_id)
    if move not in _MOVES:
        raise NotFound(f"An incident knows no move {move[:40]!r}.")
    try:
        said = _MOVES[move](request.POST, number, actor_of(request), _number(request.POST, "seen"))
    except NotFound:
        raise
    except Refusal as refusal:
        changes = refusal.changes if isinstance(refusal, ChangedMeanwhile) else ()
        typed = {name: request.POST[name][:_TYPED] for name in _FIELDS if name in request.POST}
        return _life_page(request, number, Refused(move, refusal.detail, changes, typed), status=refusal.status)
    messages.success(request, said)
    return redirect("incident", public_id=f"INC-{number}")


@require_safe
def incident_life(request: HttpRequest, public_id: str) -> HttpResponse:
    """The life of an incident by itself: what a refused move comes back to."""
    return _life_page(request, incident_number(public_id))


def _life_page(request: HttpRequest, number: int, refused: Refused | None = None, status: int = 200) -> HttpResponse:
    life = workflows.incident_life_read(incident_id=number)
    if refused is not None and life.incident.merged_into_id is not None:  # what was typed is asked for there
        number = life.incident.merged_into_id
        life = workflows.incident_life_read(incident_id=number)
    context: dict[str, Any] = {
        "life": life,
        "incident": life.incident,
        "refused": refused,
        "timeline": workflows.timeline_page_read(incident_id=number),
        "may_write": getattr(request.user, "role", "") in WRITERS,
    }
    return render(request, "triage/life.html", context, status=status)


@require_safe
def incident_timeline(request: HttpRequest, public_id: str) -> HttpResponse:
    """Everything that happened to the incident, the newest first, a page at a time."""
    page = workflows.timeline_page_read(
        incident_id=incident_number(public_id), before=request.GET.get("before", "")[:40]
    )  # fmt: skip
    context = {
        "timeline": page,
        "incident": page.incident,
        "may_write": getattr(request.user, "role", "") in WRITERS,
        "later": "before" in request.GET,
    }
    return render(request, "triage/timeline.html", context)
