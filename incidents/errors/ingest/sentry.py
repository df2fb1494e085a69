"""The Sentry protocol's door (DSN key)."""

import re
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from incidents.errors.ingest.reading import encoding_of, raw_read
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.decoding import body_decode
from incidents.errors.services.framing import Item, envelope_parse
from incidents.errors.services.normalising import sentry_capture
from incidents.errors.services.reports import client_report_read
from incidents.errors.workflows import drops_record, errors_make_and_store, errors_store, keys
from readiness.infra.clock import utcnow
from readiness.infra.metrics import refusal_observe
from readiness.infra.problem import json_response
from readiness.infra.refusals import Forbidden, Malformed, Refusal, TooLarge, Unauthenticated
from readiness.tenants.access import machine
from readiness.tenants.services.callers import DsnCaller
from readiness.tenants.workflows import dsn_authenticate

MAX_ENVELOPE_BYTES = 20 * 1024 * 1024
_SMALL_RAW_BYTES = 64 * 1024  # as sent
_SMALL_BYTES = 2 * 1024 * 1024  # decoded
_AUTH_PAIR = re.compile(r"sentry_key\s*=\s*([0-9a-fA-F]{32})")
_ALLOWED_HEADERS = (
    "x-sentry-auth, x-requested-with, x-forwarded-for, origin, referer, accept, content-type, authentication, "
    "authorization, content-encoding, sentry-trace, baggage, transfer-encoding"
)
_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "x-sentry-error, x-sentry-rate-limits, retry-after",
}
_PREFLIGHT = {
    **_CORS,
    "Access-Control-Allow-Methods": "POST, OPTIONS",
    "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
    "Access-Control-Max-Age": "3600",
    "Allow": "POST, OPTIONS",
}


def _presented_keys(request: HttpRequest) -> set[str]:
    found: set[str] = set()
    for header in ("HTTP_X_SENTRY_AUTH", "HTTP_AUTHORIZATION"):
        if match := _AUTH_PAIR.search(request.META.get(header, "")):
            found.add(match[1].lower())
    if request.META.get("QUERY_STRING") and (key := request.GET.get("sentry_key")):
        found.add(key.lower())
    return found


def _dsn_key_of(dsn: object) -> str | None:
    if not isinstance(dsn, str):
        return None
    try:
        return unquote(urlsplit(dsn).username or "").lower() or None
    except ValueError:
        return None


def _authenticate(project_id: int, presented: set[str]) -> DsnCaller:
    if not presented:
        raise Unauthenticated("No DSN key was sent; X-Sentry-Auth carries it as sentry_key=….")
    if len(presented) > 1:
        raise Unauthenticated("Several DSN keys were sent, and they disagree; send one.")
    caller = dsn_authenticate(project_id, presented.pop())
    if caller is None:
        raise Forbidden(f"This DSN key does not belong to project {project_id}, or it was switched off.")
    return caller


def _sentry_refusal(refusal: Refusal) -> HttpResponse:
    """Refusals in the shape that SDKs know: `{"detail": …}` and X-Sentry-Error."""
    refusal_observe(door="sentry", reason=refusal.slug)
    reason = refusal.detail.replace("\n", " ").encode("ascii", "replace").decode()
    return json_response(
        {"detail": refusal.detail, "causes": [error.detail for error in refusal.errors]},
        status=refusal.status,
        headers={**_CORS, **refusal.headers, "X-Sentry-Error": reason[:300]},
    )


@machine(methods=("POST", "OPTIONS"))
def envelope(request: HttpRequest, project_id: int) -> HttpResponse:
    """POST /api/<project_id>/envelope/: 200 `{"id": …}` once everything in it that is kept is committed."""
    if request.method == "OPTIONS":
        return HttpResponse(status=204, headers=_PREFLIGHT)
    try:
        return json_response({"id": _envelope_store(request, project_id)}, headers=_CORS)
    except Refusal as refusal:
        return _sentry_refusal(refusal)


class _Envelope:
    """One request's envelope: read and captured by whoever calls `capture`, in the committing thread as a rule."""

    def __init__(self, project_id: int, caller: DsnCaller | None, raw: bytes, encoding: str) -> None:
        self.project_id, self.caller = project_id, caller
        self.raw, self.encoding = raw, encoding
        self.header: dict[str, Any] = {}
        self.items: list[Item] = []
        self.captured: list[CapturedError] = []

    def capture(self, limit: int) -> list[CapturedError]:
        """Its events, at most `limit` bytes of it decoded. Raises refusals."""
        self.header, self.items = envelope_parse(body=body_decode(raw=self.raw, encoding=self.encoding, limit=limit))
        dsn_key = _dsn_key_of(self.header.get("dsn"))
        if self.caller is None:
            self.caller = _authenticate(self.project_id, {dsn_key} if dsn_key else set())
        elif dsn_key and dsn_authenticate(self.project_id, dsn_key) != self.caller:
            raise Unauthenticated("The envelope's dsn and the request's key disagree; send one.")
        origin = Origin(self.project_id, trusted=self.caller.trusted, synthetic=self.caller.synthetic)
        self.captured = [_event_capture(item, self.header, origin) for item in self.items if item.type == "event"]
        return self.captured

    def store(self) -> None:
        """Capture and commit. A large one, as sent or as decoded, is read in its own thread: nobody waits for it."""
        if len(self.raw) <= _SMALL_RAW_BYTES:
            try:
                errors_make_and_store(lambda: self.capture(_SMALL_BYTES))
                return
            except TooLarge:
                pass
        errors_store(self.capture(MAX_ENVELOPE_BYTES))


def _envelope_store(request: HttpRequest, project_id: int) -> str | None:
    presented = _presented_keys(request)
    caller = _authenticate(project_id, presented) if presented else None  # before a byte of the body is decoded
    sent = _Envelope(project_id, caller, raw_read(request, limit=MAX_ENVELOPE_BYTES), encoding_of(request))
    sent.store()
    drops = [drop for item in sent.items if item.type == "client_report" for drop in client_report_read(item.payload)]
    if drops:
        drops_record(project_id=project_id, source="sdk", drops=drops)
    if sent.captured:
        return sent.captured[0].envelope.error_id.removeprefix("err_")
    sent_id = sent.header.get("event_id")
    return sent_id.replace("-", "") if isinstance(sent_id, str) else None


def _event_capture(item: Item, header: dict[str, Any], origin: Origin) -> CapturedError:
    if len(item.payload) > settings.READINESS_MAX_EVENT_BYTES:
        raise TooLarge(
            f"The event has {len(item.payload)} bytes; at most {settings.READINESS_MAX_EVENT_BYTES} are taken. "
            "Lower max_value_length or leave out large extra data."
        )
    return sentry_capture(
        payload=item.payload,
        event_id=header.get("event_id"),
        sent_at=header.get("sent_at"),
        origin=origin,
        keys=keys(),
        received_at=utcnow(),
    )


@machine(methods=("POST", "GET"))
def not_a_project(request: HttpRequest, project: str) -> HttpResponse:
    """A DSN whose project is no number: told so, instead of a bare 404."""
    return _sentry_refusal(Malformed(f"{project[:60]!r} is no project id; a DSN ends in a number."))
