"""How the Sentry doors answer: the shapes and headers that SDKs know, and CORS, on refusals too."""

import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.core.exceptions import SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse

from incidents.errors.services.rate_limits import Limit, limit_headers, refusal_headers
from readiness.infra.metrics import refusal_observe
from readiness.infra.problem import json_response
from readiness.infra.refusals import Malformed, Refusal, Unavailable, WrongMethod
from readiness.tenants.access import machine_open

log = logging.getLogger(__name__)
P = ParamSpec("P")
_ALLOWED_HEADERS = (
    "x-sentry-auth, x-requested-with, origin, referer, accept, content-type, authentication, authorization, "
    "content-encoding, sentry-trace, baggage"
)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
}
_PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
    "Access-Control-Max-Age": "3600",
    "Allow": "POST, OPTIONS",
}


def sentry_answer(event_id: str | None, *, limits: Iterable[Limit] = ()) -> HttpResponse:
    """200 `{"id": …}`. `limits` that hold from now on are told here, so that the SDK need not meet them first."""
    return json_response({"id": event_id}, headers={**CORS, **limit_headers(limits)} if limits else CORS)


def sentry_refusal(refusal: Refusal) -> HttpResponse:
    """`{"detail": …}` and X-Sentry-Error; a 429 always with Retry-After and X-Sentry-Rate-Limits."""
    refusal_observe(door="sentry", reason=refusal.slug)
    reason = "".join(char if " " <= char <= "~" else " " if char.isspace() else "?" for char in refusal.detail[:300])
    return json_response(
        {"detail": refusal.detail, "causes": [error.detail for error in refusal.errors]},
        status=refusal.status,
        headers={**CORS, **refusal_headers(refusal), "X-Sentry-Error": reason},
    )


def sentry_door(
    view: Callable[Concatenate[HttpRequest, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """A machine view of the Sentry protocol: POST, the browsers' OPTIONS, and every refusal in the protocol's shape."""

    @wraps(view)
    def call(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method == "OPTIONS":
                return HttpResponse(status=204, headers=_PREFLIGHT)
            allowed = {"Allow": "POST, OPTIONS"}
            raise WrongMethod(f"{request.method} is not possible here; SDKs and browsers use POST.", headers=allowed)
        except Refusal as refusal:
            return sentry_refusal(refusal)
        except SuspiciousOperation as bad:  # a query of thousands of fields, a header that is none
            return sentry_refusal(Malformed(f"The request could not be read: {bad}."))
        except (OperationalError, InterfaceError) as down:
            log.error("capture could not reach the database: %s", down)
            return sentry_refusal(Unavailable("The database cannot be reached; send it again in a few seconds."))

    return machine_open(call)
