"""Who may call a view: decorators for the machine lane (keys and scopes) and for pages (roles).

    @machine(methods=("POST",))              @writes_need_role("founder", "engineer")
    @requires_scope("errors:write")          def incident_page(request: HttpRequest, id: str) -> HttpResponse: …
    def errors_ingest(request: MachineRequest) -> HttpResponse: …

They raise Refusals; the middleware makes problem details of them for machines and a page for people.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from readiness.infra.actor import Actor
from readiness.infra.refusals import Forbidden, Unauthenticated, WrongMethod
from readiness.tenants.models import User
from readiness.tenants.services.callers import Caller, DsnCaller
from readiness.tenants.services.keys import key_from_headers
from readiness.tenants.workflows import caller_authenticate

__all__ = [
    "COMMAND_LINE",
    "Caller",
    "DsnCaller",
    "MachineRequest",
    "actor_of",
    "caller_actor",
    "caller_of",
    "machine",
    "requires_role",
    "requires_scope",
    "writes_need_role",
]

P = ParamSpec("P")
V = TypeVar("V", bound=Callable[..., Any])
Response = HttpResponseBase
View = Callable[Concatenate[HttpRequest, P], Response]

# Whoever may type a command on the server is a founder; the console knows no more of them than that.
COMMAND_LINE = Actor(kind="system", name="the command line")

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class MachineRequest(HttpRequest):
    """A request that `requires_scope` has let through: `caller` is set."""

    caller: Caller


def machine_open(view: V) -> V:
    """A machine view that answers every method and refusal in a shape of its own: no CSRF token, no login."""
    return csrf_exempt(login_not_required(view))


def machine(*, methods: Sequence[str] = ("GET",)) -> Callable[[View[P]], View[P]]:
    """A machine view: no CSRF token, no login; another method is refused (405, `Allow`). GET brings HEAD with it."""
    allowed = [*methods, "HEAD"] if "GET" in methods and "HEAD" not in methods else list(methods)

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def call(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            if request.method not in allowed:
                raise WrongMethod(
                    f"{request.method} is not possible here; use {' or '.join(methods)}.",
                    headers={"Allow": ", ".join(allowed)},
                )
            return view(request, *args, **kwargs)

        return machine_open(call)

    return decorate


def caller_of(request: HttpRequest, *, scope: str) -> Caller | None:
    """Who calls, when a key is optional: None without a key; a presented key must be known and hold the scope.

    Raises Unauthenticated (two keys that disagree, a malformed, unknown or revoked key) and Forbidden (scope missing).
    """
    presented = key_from_headers(
        authorization=request.headers.get("Authorization"), api_key=request.headers.get("X-API-Key")
    )
    if presented is None:
        return None
    caller = caller_authenticate(presented)
    if caller is None:
        raise Unauthenticated(
            "This key is unknown or revoked. Ask a founder for a new one (manage.py create_key, or "
            "onboard_tenant SLUG --rotate-keys).",
            headers={"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    if scope not in caller.scopes:
        held = ", ".join(sorted(caller.scopes)) or "none"
        raise Forbidden(
            f"This needs a key with the scope {scope}; the key “{caller.name}” has {held}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )
    return caller


def requires_scope(
    scope: str,
) -> Callable[[Callable[Concatenate[MachineRequest, P], Response]], View[P]]:
    """The caller must present a key with this scope; it is then `request.caller`.

    Raises Unauthenticated (401 with `WWW-Authenticate: Bearer`) and Forbidden (403, naming the scope needed and held).
    """

    def decorate(view: Callable[Concatenate[MachineRequest, P], Response]) -> View[P]:
        @wraps(view)
        def call(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            caller = caller_of(request, scope=scope)
            if caller is None:
                raise Unauthenticated(
                    f"A key with the scope {scope} is needed. Send it as “Authorization: Bearer rk_…” or "
                    "“X-API-Key: rk_…”.",
                    headers={"WWW-Authenticate": "Bearer"},
                )
            known = cast(MachineRequest, request)
            known.caller = caller
            return view(known, *args, **kwargs)

        return call

    return decorate


def _refuse_unless(request: HttpRequest, roles: Sequence[str]) -> None:
    user = request.user
    if not isinstance(user, User) or user.role not in roles:
        held = user.role if isinstance(user, User) else "nobody yet"
        raise Forbidden(
            f"Only {' and '.join(f'{role}s' for role in roles)} may do this, and you are signed in as {held}. "
            "Nothing was changed; ask a founder to do it or to change your role."
        )


def requires_role(*roles: str) -> Callable[[View[P]], View[P]]:
    """A page for these roles only, reading included. Raises Forbidden, which is shown as a page."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def call(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            _refuse_unless(request, roles)
            return view(request, *args, **kwargs)

        return call

    return decorate


def writes_need_role(*roles: str) -> Callable[[View[P]], View[P]]:
    """A page that everyone signed in may read (GET, HEAD) and only these roles may write. Raises Forbidden."""

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def call(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> Response:
            if request.method not in _SAFE_METHODS:
                _refuse_unless(request, roles)
            return view(request, *args, **kwargs)

        return call

    return decorate


def actor_of(request: HttpRequest) -> Actor:
    """The person who is signed in, as workflows record them."""
    user = request.user
    if not isinstance(user, User):
        raise Unauthenticated("Sign in first.")
    return Actor(kind="person", name=str(user), id=user.pk)


def caller_actor(request: HttpRequest) -> Actor:
    """The key that calls, as workflows record it (after `requires_scope`)."""
    caller = cast(MachineRequest, request).caller
    return Actor(kind="key", name=caller.name, id=caller.key_id)
