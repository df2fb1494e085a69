"""OTLP/HTTP's doors: POST /otlp/v1/logs and /otlp/v1/traces (scope errors:write), protobuf or JSON.

Every answer is the protocol's own (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response): exporters repeat 429
and 503, by Retry-After, and nothing else. 200 is answered after the commit.
"""

import logging
from collections.abc import Callable
from functools import wraps

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from incidents.errors.ingest.reading import body_read
from incidents.errors.services.captured import Origin
from incidents.errors.services.otlp.answers import export_answer, status_answer
from incidents.errors.services.otlp.bodies import JSON, PROTOBUF, Signal, body_decode
from incidents.errors.services.otlp.reading import logs_read, spans_read
from incidents.errors.services.rate_limits import HEADER as SENTRYS_OWN
from incidents.errors.services.rate_limits import refusal_headers
from incidents.errors.workflows import OtlpOutcome, logs_store, traces_store
from readiness.infra.clock import utcnow
from readiness.infra.metrics import refusal_observe
from readiness.infra.refusals import Forbidden, Refusal, Unavailable, UnsupportedMedia
from readiness.tenants.access import MachineRequest, machine, requires_scope
from readiness.tenants.services.callers import Caller

log = logging.getLogger(__name__)
MAX_OTLP_BYTES = 16 * 1024 * 1024
_METHODS = ("POST",)
View = Callable[[HttpRequest], HttpResponseBase]


def _content_type(request: HttpRequest) -> str:
    return str(request.META.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()


def _door(view: View) -> View:
    """Refusals as google.rpc.Status in the request's encoding; in JSON where that is none of OTLP's."""

    @wraps(view)
    def call(request: HttpRequest) -> HttpResponseBase:
        try:
            return view(request)
        except Refusal as refusal:
            return _refused(request, refusal)
        except (OperationalError, InterfaceError) as down:
            log.error("OTLP could not reach the database: %s", down)
            return _refused(request, Unavailable("The database cannot be reached; send it again in a few seconds."))

    return call  # `wraps` hands on what `machine` has marked


def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    refusal_observe(door="otlp", reason=refusal.slug)
    content_type = PROTOBUF if _content_type(request) == PROTOBUF else JSON
    body = status_answer(refusal=refusal, content_type=content_type)
    headers = {name: value for name, value in refusal_headers(refusal).items() if name != SENTRYS_OWN}
    return HttpResponse(body, status=refusal.status, content_type=content_type, headers=headers)


@_door
@machine(methods=_METHODS)
@requires_scope("errors:write")
def logs(request: MachineRequest) -> HttpResponse:
    """Error records become errors; all others are taken and not kept."""
    return _answer(request, Signal.LOGS)


@_door
@machine(methods=_METHODS)
@requires_scope("errors:write")
def traces(request: MachineRequest) -> HttpResponse:
    """Exceptions in spans become errors; the spans wait for an error of their trace."""
    return _answer(request, Signal.TRACES)


def _answer(request: MachineRequest, signal: Signal) -> HttpResponse:
    content_type = _content_type(request)
    if content_type not in (PROTOBUF, JSON):
        raise UnsupportedMedia(
            f"OTLP comes as {PROTOBUF} or {JSON}, not as {content_type[:80]!r}; set OTEL_EXPORTER_OTLP_PROTOCOL to "
            "http/protobuf or http/json."
        )
    origin = _origin(request.caller)
    body = body_decode(body=body_read(request, limit=MAX_OTLP_BYTES), content_type=content_type, signal=signal)
    received_at = utcnow()
    if signal is Signal.LOGS:
        outcome: OtlpOutcome = logs_store(read=logs_read(body=body), origin=origin, received_at=received_at)
    else:
        read = spans_read(body=body, received_at=received_at)
        outcome = traces_store(read=read, origin=origin, received_at=received_at)
    for reason, number in outcome.by_reason.items():
        refusal_observe(door="otlp", reason=reason, number=number)
    answer = export_answer(
        signal=signal, content_type=content_type, rejected=outcome.count, message=outcome.message
    )  # fmt: skip
    return HttpResponse(answer, content_type=content_type)


def _origin(caller: Caller) -> Origin:
    if caller.project_id is None:
        raise Forbidden("This key belongs to the installation, not to a project; use a tenant's errors:write key.")
    return Origin(
        caller.project_id, trusted=True, synthetic=caller.synthetic, key_kind="api", key_id=caller.key_id
    )  # fmt: skip
