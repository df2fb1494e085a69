"""Pages: what clients may do now, and one flag: its value here, who changed it, and the switch that turns it off."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from flags.adapters import ChangedField, changed_fields
from flags.filters import FlagFilter
from flags.forms import FlagPlaceForm, FlagReasonForm, FlagValueForm, show_refusal
from flags.models import Flag, FlagRevision
from flags.services.changes import FlagChange, flag_writer_check
from flags.services.config import INSTALLATION
from flags.services.values import PRODUCTION, FlagType, JsonValue, environment_check, value_text
from flags.store import flags_listed, flags_named, flags_tally, revisions_latest, revisions_of
from flags.workflows import FlagHere, flag_here, flag_kill, flag_override, flag_remove, flag_restore, flag_set
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Forbidden, NotFound, Refusal
from readiness.tenants.access import actor_of, writes_need_role
from readiness.tenants.models import Project, User
from readiness.tenants.workflows import project_find, projects_read

FLAGS_A_PAGE = 50
REVISIONS_A_PAGE = 20
LONG = 40  # characters: a longer value is text to read rather than a figure


@dataclass(frozen=True, slots=True)
class Place:
    """Where a flag has a value of its own: everyone or one tenant, in an environment."""

    project_id: int
    environment: str
    who: str

    @property
    def query(self) -> str:
        """The part of a URL that names it; empty for everyone in production."""
        asked = {
            **({"project": self.project_id} if self.project_id != INSTALLATION else {}),
            **({"environment": self.environment} if self.environment != PRODUCTION else {}),
        }
        return f"?{urlencode(asked)}" if asked else ""

    @property
    def text(self) -> str:
        return self.who if self.environment == PRODUCTION else f"{self.who}, {self.environment}"


@dataclass(frozen=True, slots=True)
class RevisionLine:
    """A row of the history; `action` is empty where the changes say it all."""

    action: str
    changes: list[ChangedField]
    revision: FlagRevision


@dataclass(frozen=True, slots=True)
class FlagLine:
    """A row of the list, or of a flag's other places."""

    flag: Flag
    place: Place
    value: str
    last: RevisionLine


# --- the list -----------------------------------------------------------------------------------------------------


@require_safe
def flag_list(request: HttpRequest) -> HttpResponse:
    """Every flag in every place, with its value and its last change."""
    filters = FlagFilter(request.GET, queryset=flags_listed())
    page = Paginator(filters.qs, FLAGS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "filters": filters,
        "filtered": any(value for name, value in request.GET.items() if name != "page"),
        "page": page,
        "lines": _lines(page.object_list),
        "tally": flags_tally(since=utcnow() - timedelta(days=1)),
        "config_url": f"{settings.READINESS_BASE_URL}/config",
    }
    return render(request, "flags/flag_list.html", context)


def _lines(flags: Iterable[Flag]) -> list[FlagLine]:
    flags = list(flags)
    projects = projects_read(project_ids={flag.project_id for flag in flags} - {INSTALLATION})
    latest = revisions_latest(flag_ids=[flag.pk for flag in flags])
    return [
        FlagLine(flag, _place_of(flag, projects), _shown(flag), _revision_line(flag, latest[flag.pk]))
        for flag in flags
        if flag.pk in latest  # not removed between the two queries
    ]


def _place_of(flag: Flag, projects: dict[int, Project]) -> Place:
    project = projects.get(flag.project_id)
    who = "everyone" if flag.project_id == INSTALLATION else project.tenant.name if project else str(flag.project_id)
    return Place(flag.project_id, flag.environment, who)


def _shown(flag: Flag, *, indent: int | None = None) -> str:
    """What clients get now."""
    value: JsonValue = flag.safe_value if flag.killed else flag.value
    return value_text(type=FlagType(flag.type), value=value, indent=indent)


def _revision_line(flag: Flag, revision: FlagRevision) -> RevisionLine:
    changes = changed_fields(type=FlagType(flag.type), before=revision.before, after=revision.after)
    return RevisionLine(revision.action if revision.action in ("defined", "removed") else "", changes, revision)


# --- one flag -----------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@writes_need_role("founder", "engineer")
def flag_page(request: HttpRequest, key: str) -> HttpResponse:
    """One flag in one place; POST sets its value there, making a row of its own if there was none."""
    place = _place_asked(request.GET)
    here = flag_here(key=key, project_id=place.project_id, environment=place.environment)
    flag = here.own or here.speaking
    form = FlagValueForm(
        request.POST if request.method == "POST" else None,
        flag=flag,
        version=here.own.version if here.own else 0,
    )
    if request.method == "POST" and form.is_valid():
        try:
            flag_writer_check(role=_role(request), environment=place.environment)
            text = _set(form, key, place, actor_of(request))
        except Forbidden:
            raise
        except Refusal as refusal:
            show_refusal(form, refusal)
            return _flag_page(request, here, place, form, status=refusal.status)
        messages.success(request, text)
        return redirect(reverse("flag", args=[key]) + place.query)
    return _flag_page(request, here, place, form, status=422 if form.is_bound else 200)


def _set(form: FlagValueForm, key: str, place: Place, actor: Actor) -> str:
    given = form.cleaned_data
    where: dict[str, Any] = {"project_id": place.project_id, "environment": place.environment}
    who: dict[str, Any] = {"actor": actor, "reason": given["reason"]}
    shown = value_text(type=form.type, value=given["value"])
    if given["version"] == 0:
        flag_override(key=key, value=given["value"], **where, **who)
        return f"{key} is {shown} for {place.text} from now on, whatever the wider value is."
    change = flag_set(key=key, value=given["value"], expected_version=given["version"], **where, **who)
    if not change.anything:
        return f"{key} was {shown} already; nothing changed."
    return f"{key} is {shown} now. Every answer of /config says so within a second, clients at their next poll."


def _flag_page(request: HttpRequest, here: FlagHere, place: Place, form: FlagValueForm, *, status: int) -> HttpResponse:
    flag, speaking = here.own or here.speaking, here.speaking
    type = FlagType(flag.type)
    everywhere = _lines(flags_named(key=flag.key))
    history = revisions_of(project_id=flag.project_id, environment=flag.environment, key=flag.key)
    page = Paginator(history, REVISIONS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "flag": flag,
        "own": here.own is not None,
        "place": place,
        "speaking": speaking,
        "speaking_for": next((line.place for line in everywhere if line.flag.pk == speaking.pk), place),
        "overruled": here.own is not None and here.own.pk != speaking.pk,
        "value": _shown(speaking, indent=2),
        "long": type is FlagType.OBJECT or len(_shown(speaking)) > LONG,
        "value_before_kill": value_text(type=type, value=flag.value),
        "safe_value": None if flag.safe_value is None else value_text(type=type, value=flag.safe_value),
        "latest": history.first(),
        "form": form,
        "place_form": FlagPlaceForm(),
        "may_write": _may_write(request, place.environment),
        "others": [line for line in everywhere if line.flag.pk != flag.pk],
        "page": page,
        "history": [_revision_line(flag, revision) for revision in page.object_list],
        "config_url": f"{settings.READINESS_BASE_URL}/config",
    }
    return render(request, "flags/flag.html", context, status=status)


@require_safe
def flag_apart(request: HttpRequest, key: str) -> HttpResponse:
    """To the page where the flag can get a value of its own for the tenant (by slug) and environment that are asked."""
    form = FlagPlaceForm(request.GET)
    if not form.is_valid():
        messages.error(request, " ".join(str(error) for errors in form.errors.values() for error in errors))
        return redirect("flag", key)
    slug = form.cleaned_data["tenant"]
    project = project_find(tenant_slug=slug) if slug else None
    if slug and project is None:
        messages.error(
            request, f"There is no tenant {slug}. Connect lists the tenants there are; onboard it there first."
        )
        return redirect("flag", key)
    place = Place(project.pk if project else INSTALLATION, form.cleaned_data["environment"], slug)
    return redirect(reverse("flag", args=[key]) + place.query)


# --- the switches -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Switch:
    """A step that a person confirms on a page of its own, with a reason."""

    verb: str
    past: str
    throw: Callable[[Flag, Actor, str], FlagChange]


def _kill(flag: Flag, actor: Actor, reason: str) -> FlagChange:
    return flag_kill(key=flag.key, actor=actor, reason=reason, project_id=flag.project_id, environment=flag.environment)


def _restore(flag: Flag, actor: Actor, reason: str) -> FlagChange:
    return flag_restore(
        key=flag.key, actor=actor, reason=reason, project_id=flag.project_id, environment=flag.environment
    )


def _remove(flag: Flag, actor: Actor, reason: str) -> FlagChange:
    return flag_remove(
        key=flag.key,
        expected_version=flag.version,
        actor=actor,
        reason=reason,
        project_id=flag.project_id,
        environment=flag.environment,
    )


_SWITCHES = {
    "kill": Switch("Kill", "is killed: it serves its safe variant until somebody restores it", _kill),
    "restore": Switch("Restore", "is restored", _restore),
    "remove": Switch("Remove", "has no value of its own here any more; its history stays", _remove),
}


@require_http_methods(["GET", "HEAD", "POST"])
@writes_need_role("founder", "engineer")
def flag_switch(request: HttpRequest, key: str, switch: str) -> HttpResponse:
    """Ask once more, say what will happen, take the reason; then throw the switch."""
    known, place = _SWITCHES.get(switch), _place_asked(request.GET)
    flag = flag_here(key=key, project_id=place.project_id, environment=place.environment).own
    if known is None or flag is None:
        raise NotFound(f"{key} has no value of its own for {place.text}; open the flag and choose the place first.")
    flag_writer_check(role=_role(request), environment=place.environment)
    form = FlagReasonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            change = known.throw(flag, actor_of(request), form.cleaned_data["reason"])
        except Refusal as refusal:
            show_refusal(form, refusal)
            return _switch_page(request, flag, switch, known, place, form, status=refusal.status)
        done = f"{key} {known.past}." if change.anything else f"Somebody was faster: {key} is as you wanted it."
        messages.success(request, done)
        goal = reverse("flag-list") if switch == "remove" else reverse("flag", args=[key]) + place.query
        return redirect(goal)
    return _switch_page(request, flag, switch, known, place, form, status=422 if form.is_bound else 200)


def _switch_page(
    request: HttpRequest, flag: Flag, name: str, switch: Switch, place: Place, form: FlagReasonForm, *, status: int
) -> HttpResponse:
    type = FlagType(flag.type)
    context = {
        "flag": flag,
        "name": name,
        "switch": switch,
        "place": place,
        "form": form,
        "value": value_text(type=type, value=flag.value),
        "safe_value": None if flag.safe_value is None else value_text(type=type, value=flag.safe_value),
    }
    return render(request, "flags/flag_switch.html", context, status=status)


# --- small things -------------------------------------------------------------------------------------------------


def _place_asked(query: QueryDict) -> Place:
    """The place that a URL names. Raises NotFound for a project that does not exist and an impossible environment."""
    environment = query.get("environment") or PRODUCTION
    project = query.get("project") or "0"
    try:
        environment_check(environment=environment)
    except Refusal as refusal:
        raise NotFound(refusal.detail) from None
    if not (project.isascii() and project.isdigit() and len(project) < 16):
        raise NotFound("A project is named by its number; /flags/ links to every place that has flags.")
    project_id = int(project)
    if project_id == INSTALLATION:
        return Place(INSTALLATION, environment, "everyone")
    found = projects_read(project_ids=[project_id]).get(project_id)
    if found is None:
        raise NotFound(f"There is no project {project_id}; Connect lists the projects there are.")
    return Place(project_id, environment, found.tenant.name)


def _role(request: HttpRequest) -> str:
    return request.user.role if isinstance(request.user, User) else ""


def _may_write(request: HttpRequest, environment: str) -> bool:
    try:
        flag_writer_check(role=_role(request), environment=environment)
    except Forbidden:
        return False
    return True
