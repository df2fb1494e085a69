"""The two lanes of a request.

Machines (SDKs, CI, pollers, probes) take a short lane: correlation, the view, problem details; no session, no CSRF, no
login: their key is checked by a decorator on the view. People take the whole chain of settings.MIDDLEWARE.
"""

from collections.abc import Callable
from contextlib import suppress
from time import perf_counter

from django.conf import settings
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.http.request import RawPostDataException
from django.shortcuts import render
from django.urls import Resolver404, get_resolver
from django.utils.module_loading import import_string
from structlog.contextvars import clear_contextvars

from readiness.infra.correlation import _current, _tenant, new_correlation
from readiness.infra.metrics import refusal_observe, request_observe
from readiness.infra.problem import problem_response
from readiness.infra.refusals import Malformed, NotFound, Refusal, Unavailable
from readiness.infra.turns import PLACES, places_leave

DRAINED_BYTES = 1024 * 1024
GetResponse = Callable[[HttpRequest], HttpResponseBase]
MACHINE_PREFIXES = (
    "/api/",
    "/v1/",
    "/ops/",
    "/ofrep/",
    "/otlp/",
    "/config",
    "/healthz",
    "/readyz",
    "/health",
    "/metrics",
)
# Doors of capture that refuse by an exception, as /metrics names them. (Sentry's and OTLP's answer in their own shape.)
CAPTURE_DOORS = {"v1/errors": "native"}


class CorrelationMiddleware:
    """Every request runs in a correlation scope: the caller's (`traceparent`, else Sentry's `sentry-trace`, when valid)
    or one of its own. The id goes back out as `X-Correlation-Id`; `/correlations/<id>/` shows what happened under it.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        context = new_correlation(request.path_info, meta.get("HTTP_TRACEPARENT"), meta.get("HTTP_SENTRY_TRACE"))
        token, tenant = _current.set(context), _tenant.set(None)
        try:
            response = self.get_response(request)
        finally:
            _tenant.reset(tenant)
            _current.reset(token)
            clear_contextvars()
        response["X-Correlation-Id"] = context.correlation_id
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        """A view of the console itself broke: its failure takes the same path as everybody's."""
        if not isinstance(exception, Refusal | Http404 | PermissionDenied | SuspiciousOperation | BadRequest):
            record_failure(exception, component=request.path_info)


class MachineLaneMiddleware:
    """Resolves and calls a machine path's view here, so that what people need is not paid for by machines."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        begun = perf_counter()
        for_machine = request.path_info.startswith(MACHINE_PREFIXES)
        try:
            response = self._answer(request) if for_machine else self.get_response(request)
        finally:
            if PLACES in request.META:
                places_leave(request.META)
        if for_machine and response.status_code >= 400:
            _body_drain(request)
        route = _route(request, for_machine=for_machine)
        request_observe(route=route, status=response.status_code, seconds=perf_counter() - begun)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        try:
            match = get_resolver().resolve(request.path_info)
        except Resolver404:
            return problem_response(
                NotFound(f"There is no {request.path_info} here; the README lists the addresses that there are.")
            )
        request.resolver_match = match
        try:
            response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        except Refusal as refusal:
            if match.route in CAPTURE_DOORS:
                refusal_observe(door=CAPTURE_DOORS[match.route], reason=refusal.slug)
            return problem_response(refusal)
        except (SuspiciousOperation, BadRequest, RequestDataTooBig) as bad:
            return problem_response(Malformed(f"The request could not be read: {bad}."))
        except Http404 as missing:
            return problem_response(NotFound(str(missing) or "There is no such thing here."))
        except Exception as failure:  # noqa: BLE001  the last resort of a machine lane: recorded, and answered in its shape
            error_id = record_failure(failure, component=request.path_info)
            return problem_response(
                Unavailable(f"The console failed on this request; it is recorded as {error_id}. Try again.")
            )
        return response


def _route(request: HttpRequest, *, for_machine: bool) -> str:
    """The pattern that a machine's path matched; one word for all pages, one for the rest of what people are sent."""
    match = request.resolver_match
    if match is None:
        return "unmatched" if for_machine else "other"
    return f"/{match.route}" if for_machine else "page"


def _body_drain(request: HttpRequest) -> None:
    """Take what a refused sender is still sending: a connection closed under it would hide the refusal from it."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if length.isascii() and length.isdigit() and len(length) < 10 and 0 < int(length) <= DRAINED_BYTES:
        with suppress(OSError, RawPostDataException):
            request.read()


class RefusalPageMiddleware:
    """A person whose request is refused reads why, and what to do next."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, Refusal):
            return None
        context = {"status": exception.status, "title": exception.title, "detail": exception.detail}
        return render(request, "refusal.html", context, status=exception.status)


def record_failure(exception: BaseException, *, component: str) -> str:
    """The console's own failure as an error envelope of its own (settings.READINESS_ERROR_RECORDER); its error id."""
    record = import_string(settings.READINESS_ERROR_RECORDER)
    return str(record(exception, component=component, layer="L2", context={}))
