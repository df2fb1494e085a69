"""The incident list. An incident's own page shows lessons and controls too, so it lives with them."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_GET, require_POST

from incidents.errors.workflows import incidents_sampled, limit_notices_shown, sdk_drops_read
from incidents.triage import workflows
from incidents.triage.filters import IncidentFilter
from incidents.triage.models import Incident
from incidents.triage.services.clock import DiagnosisClock, diagnosis_clock
from incidents.triage.services.snoozing import snooze_asked
from incidents.triage.store import incident_titles, incidents_listed
from incidents.triage.workflows import LifeSigns, life_signs
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Refusal
from readiness.tenants.access import actor_of, requires_role
from readiness.tenants.models import User
from readiness.tenants.workflows import people_able_to_act, projects_listed

PAGE = 25
BULK = 100
_BECAME = {"take": "taken", "assign": "handed over", "snooze": "snoozed"}


@dataclass(frozen=True, slots=True)
class ListRow:
    """One incident as the list shows it; `sampled`: how many of its events were only counted; `will_recur`: it is past
    its diagnosis, and no control came out of it (56).
    """

    incident: Incident
    signs: LifeSigns
    clock: DiagnosisClock
    sampled: int
    will_recur: bool


@require_GET
def incident_list(request: HttpRequest) -> HttpResponse:
    """What broke, what needs a person first: open incidents that are awake unless the filters say otherwise."""
    user = request.user if isinstance(request.user, User) else None
    people = people_able_to_act()
    filters = IncidentFilter(
        request.GET, user=user, people=people, projects=projects_listed(), queryset=incidents_listed()
    )
    page = Paginator(filters.qs, PAGE).get_page(request.GET.get("page"))
    samples = filters.qs.filter(synthetic=True).count()  # shown, and kept out of the figure
    filtered = any(value for name, value in request.GET.items() if name not in ("page", "sort"))
    context = {
        "filters": filters,
        "page": page,
        "rows": _rows(list(page.object_list)),
        "people": people,
        "filtered": filtered,
        "samples": samples,
        "real": page.paginator.count - samples,
        "limits": limit_notices_shown(role=getattr(request.user, "role", "")),
        "may_write": getattr(request.user, "role", "") in ("founder", "engineer"),
        "dropped": sum(project.drops.lost for project in sdk_drops_read(hours=24)),
    }
    return render(request, "triage/incident_list.html", context)


def _rows(incidents: list[Incident]) -> list[ListRow]:
    ids = [incident.pk for incident in incidents]
    now, sampled = utcnow(), incidents_sampled(incident_ids=ids)
    bare = workflows.incidents_unprevented(incident_ids=ids)
    return [
        ListRow(
            incident,
            life_signs(incident, now=now),
            diagnosis_clock(detected_at=incident.detected_at, diagnosed_at=incident.diagnosed_at, now=now),
            sampled.get(incident.pk, 0),
            incident.pk in bare and _past_diagnosis(incident),
        )
        for incident in incidents
    ]


def _past_diagnosis(incident: Incident) -> bool:
    """Before it a control is not to be expected, and a merged one's are where its events are."""
    return incident.merged_into_id is None and (incident.diagnosed_at or incident.closed_at) is not None


@dataclass(frozen=True, slots=True)
class BulkRow:
    """What became of one of the chosen incidents; `title` is empty for one that is not there."""

    name: str
    title: str
    done: bool
    said: str


@require_POST
@requires_role("founder", "engineer")
def incident_bulk(request: HttpRequest) -> HttpResponse:
    """One move for all that were chosen (at most 100), each by itself: which it was done to, and why not to others."""
    sent = request.POST
    numbers = [int(n) for n in sent.getlist("incident") if n.isascii() and n.isdigit() and len(n) < 16]
    numbers = list(dict.fromkeys(numbers))
    back = sent.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None) or not back.startswith("/"):
        back = reverse("incident-list")
    action = sent.get("action", "")
    if action == "merge":
        query = urlencode([("incident", number) for number in numbers[:BULK]])
        return redirect(f"{reverse('incident-merge')}?{query}")
    if not numbers or len(numbers) > BULK or action not in _BECAME:
        messages.error(request, _bulk_refused(numbers, action))
        return redirect(back)
    actor = actor_of(request)
    titles = incident_titles(numbers)
    rows = [_bulk_one(request, action, number, titles.get(number, ""), actor) for number in numbers]
    done = sum(row.done for row in rows)
    context = {"rows": rows, "done": done, "refused": len(rows) - done, "back": back, "became": _BECAME[action]}
    return render(request, "triage/bulk.html", context)


def _bulk_refused(numbers: list[int], action: str) -> str:
    if not numbers:
        return "Nothing was changed: choose at least one incident by its box."
    if len(numbers) > BULK:
        return f"Nothing was changed: at most {BULK} incidents at once; these are {len(numbers)}."
    return "Nothing was changed: choose what to do with them."


def _bulk_one(request: HttpRequest, action: str, number: int, title: str, actor: Actor) -> BulkRow:
    sent, name = request.POST, f"INC-{number}"
    carried = sent.get(f"seen-{number}", "")
    seen = int(carried) if carried.isascii() and carried.isdigit() and len(carried) < 16 else None
    try:
        if action == "take":
            workflows.incident_acknowledge(incident_id=number, actor=actor, seen=seen)
            return BulkRow(name, title, True, "It is yours.")
        if action == "assign":
            owner = sent.get("owner", "")
            person = int(owner) if owner.isascii() and owner.isdigit() and len(owner) < 16 else 0
            workflows.incident_assign(incident_id=number, user_id=person, actor=actor, seen=seen)
            return BulkRow(name, title, True, "It is handed over.")
        asked = snooze_asked(wake=sent.get("wake", ""), until="", more="", now=utcnow())
        workflows.incident_snooze(
            incident_id=number, actor=actor, until=asked.until, next_release=asked.next_release, seen=seen
        )
    except Refusal as refusal:
        return BulkRow(name, title, False, refusal.detail)
    return BulkRow(name, title, True, "It sleeps.")
