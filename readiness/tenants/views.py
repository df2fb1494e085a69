"""Pages: signing in and out, the password, and Connect (how a program comes to report here)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import PasswordChangeForm
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from readiness.infra.refusals import Refusal
from readiness.tenants.access import actor_of, requires_role
from readiness.tenants.adapters import config_curl, dsn_url, key_words, onboarding_body, sentry_snippet
from readiness.tenants.forms import KeyForm, OnboardForm, SignInForm
from readiness.tenants.models import Project, User
from readiness.tenants.services.keys import Onboarded
from readiness.tenants.services.signin import signin_source
from readiness.tenants.workflows import (
    connect_read,
    founder_keys_read,
    key_create,
    key_revoke,
    keys_rotate,
    password_set,
    person_sign_in,
    tenant_onboard,
)

PROJECTS_A_PAGE = 10
KEYS_SHOWN = 50


# --- signing in and out, and the password -------------------------------------------------------------------------


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The way in. A refusal (422, or 429 with Retry-After) says why on the form."""
    goal = _goal(request)
    if request.user.is_authenticated and request.method != "POST":
        return redirect(goal)
    form = SignInForm(request.POST if request.method == "POST" else None)
    if not form.is_valid():
        return _sign_in_page(request, form, goal, status=422 if form.is_bound else 200)
    try:
        user = person_sign_in(
            request=request,
            email=form.cleaned_data["username"],
            password=form.cleaned_data["password"],
            source=_source(request),
        )
    except Refusal as refusal:
        form.add_error(None, refusal.detail)
        response = _sign_in_page(request, form, goal, status=429 if refusal.status == 429 else 422)
        if "Retry-After" in refusal.headers:
            response["Retry-After"] = refusal.headers["Retry-After"]
        return response
    login(request, user)
    return redirect(goal)


def _sign_in_page(request: HttpRequest, form: SignInForm, goal: str, *, status: int) -> HttpResponse:
    return render(request, "registration/login.html", {"form": form, "next": goal}, status=status)


def _source(request: HttpRequest) -> str:
    return signin_source(
        remote=request.META.get("REMOTE_ADDR", ""),
        forwarded_for=request.headers.get("X-Forwarded-For", ""),
        proxies=settings.READINESS_TRUSTED_PROXIES,
    )


def _goal(request: HttpRequest) -> str:
    """Where to go after signing in: `next` if it stays on this console, else the first page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    here = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if here else reverse("home")


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """The way out; POST only, so that no link or image signs anybody out."""
    logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@never_cache
@sensitive_post_parameters()
def password_change(request: HttpRequest) -> HttpResponse:
    """One's own password; other sessions of the person end, this one goes on."""
    user = request.user
    assert isinstance(user, User)  # LoginRequiredMiddleware let nobody else in
    form = PasswordChangeForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            changed = password_set(
                user_id=user.pk, password=form.cleaned_data["new_password1"], actor=actor_of(request)
            )
        except Refusal as refusal:
            form.add_error(None, refusal.detail)
        else:
            update_session_auth_hash(request, changed)
            messages.success(request, "Your password is changed. Your other sessions are signed out.")
            return redirect("password_change")
    return render(request, "tenants/password.html", {"form": form}, status=422 if form.is_bound else 200)


@login_not_required
def to_sign_in(request: HttpRequest) -> HttpResponse:
    """The admin's own sign-in page would know no limit; there is one way in."""
    return redirect(f"{reverse('login')}?{request.GET.urlencode()}")


def to_password(request: HttpRequest) -> HttpResponse:
    """The admin's own password page would write without a use-case; there is one."""
    return redirect("password_change")


# --- Connect ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConnectLine:
    """One project as Connect shows it; `dsn` is empty when every DSN of it is switched off. `not_kept`: which key, and
    what of its errors was refused or only counted (settings.READINESS_KEY_FIGURES).
    """

    project: Project
    dsn: str
    trusted: bool
    snippet: str
    curl: str
    not_kept: Sequence[tuple[str, Any]] = ()


def connect(request: HttpRequest) -> HttpResponse:
    """Connect a program: each project's DSN and snippets; founders onboard tenants and make keys here."""
    return _connect_page(request, onboard_form=OnboardForm(), key_form=KeyForm(), status=200)


@requires_role("founder")
@require_POST
def connect_onboard(request: HttpRequest) -> HttpResponse:
    """Onboard a tenant and show its keys this once."""
    form = OnboardForm(request.POST)
    if form.is_valid():
        try:
            onboarded = tenant_onboard(**form.cleaned_data, actor=actor_of(request))
        except Refusal as refusal:
            _tell(form, refusal)
        else:
            return _handed_over_page(request, onboarded, heading=f"{onboarded.tenant} is in")
    return _connect_page(request, onboard_form=form, key_form=KeyForm(), status=422)


@requires_role("founder")
@require_POST
def connect_rotate(request: HttpRequest, slug: str) -> HttpResponse:
    """New onboarding keys for a tenant, shown this once; the old ones stop working."""
    onboarded = keys_rotate(slug=slug, actor=actor_of(request))
    return _handed_over_page(request, onboarded, heading=f"New keys for {onboarded.tenant}")


@requires_role("founder")
@require_POST
def connect_key(request: HttpRequest) -> HttpResponse:
    """Make a key and show it this once."""
    form = KeyForm(request.POST)
    if form.is_valid():
        values = {**form.cleaned_data, "tenant": form.cleaned_data["tenant"].strip() or None}
        try:
            issued = key_create(**values, actor=actor_of(request))
        except Refusal as refusal:
            _tell(form, refusal)
        else:
            return _once(request, "tenants/issued_key.html", {"issued": issued})
    return _connect_page(request, onboard_form=OnboardForm(), key_form=form, status=422)


@requires_role("founder")
@require_POST
def connect_key_revoke(request: HttpRequest, key_id: int) -> HttpResponse:
    """End a key for good."""
    try:
        key_revoke(key_id=key_id, actor=actor_of(request))
    except Refusal as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, "The key is revoked: whatever still sends it is refused from now on.")
    return redirect(f"{reverse('connect')}#keys")


def _connect_page(request: HttpRequest, *, onboard_form: OnboardForm, key_form: KeyForm, status: int) -> HttpResponse:
    page = connect_read(page=request.GET.get("page", "1"), per_page=PROJECTS_A_PAGE)
    not_kept = import_string(settings.READINESS_KEY_FIGURES)(project_ids=[project.pk for project in page])
    founder = isinstance(request.user, User) and request.user.role == User.Role.FOUNDER
    context = {
        "page_obj": page,
        "lines": [_connect_line(project, not_kept.get(project.pk, ())) for project in page],
        # The console's own tenant comes last: where it comes first, there is no other.
        "nothing_yet": page.number == 1 and all(project.tenant.synthetic for project in page),
        "may_manage": founder,
        "keys": founder_keys_read(limit=KEYS_SHOWN) if founder else [],
        "onboard_form": onboard_form,
        "key_form": key_form,
    }
    return render(request, "tenants/connect.html", context, status=status)


def _connect_line(project: Any, not_kept: Collection[Any]) -> ConnectLine:
    key = next(iter(project.keys_in_use), None)
    public_keys = {in_use.pk: in_use.public_key for in_use in project.keys_in_use}
    base_url = settings.READINESS_BASE_URL
    dsn = dsn_url(base_url=base_url, public_key=key.public_key, project_id=project.pk) if key else ""
    return ConnectLine(
        project=project,
        dsn=dsn,
        trusted=key.trusted if key else False,
        snippet=sentry_snippet(dsn=dsn),
        curl=config_curl(base_url=base_url),
        not_kept=[
            (key_words(kind=line.key_kind, key_id=line.key_id, public_keys=public_keys), line) for line in not_kept
        ],
    )


def _handed_over_page(request: HttpRequest, onboarded: Onboarded, *, heading: str) -> HttpResponse:
    body = onboarding_body(onboarded, base_url=settings.READINESS_BASE_URL)
    curl = config_curl(base_url=settings.READINESS_BASE_URL, key=onboarded.keys["config:read"])
    context = {"heading": heading, "body": body, "snippet": sentry_snippet(dsn=body["dsn"]), "curl": curl}
    return _once(request, "tenants/issued_tenant.html", context)


def _once(request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """A page that shows a secret this once: it is the answer itself, kept in no session and in no cache."""
    response = render(request, template, context)
    response["Cache-Control"] = "no-store"
    return response


def _tell(form: Form, refusal: Refusal) -> None:
    """The refusal on the form: beside its fields where it names them, else on top."""
    fields = {error.pointer.lstrip("/"): error.detail for error in refusal.errors}
    named = fields.keys() & form.fields.keys()
    for name in named:
        form.add_error(name, fields[name])
    if not named:
        form.add_error(None, refusal.detail)
