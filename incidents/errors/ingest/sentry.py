"""The Sentry protocol's doors for events (DSN key): envelopes, and the old store endpoint."""

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from incidents.errors.ingest.answers import sentry_answer, sentry_door
from incidents.errors.ingest.dsn import dsn_caller, key_of_dsn, keys_presented
from incidents.errors.ingest.items import items_store
from incidents.errors.ingest.reading import SMALL_BYTES, body_read, encoding_of, large_begin, raw_read
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.decoding import body_decode
from incidents.errors.services.feedback import hex_id
from incidents.errors.services.framing import Item, envelope_parse
from incidents.errors.services.legacy import store_body_read
from incidents.errors.services.normalising import sentry_capture
from incidents.errors.services.rate_limits import CaptureLimited
from incidents.errors.services.trimming import event_trim
from incidents.errors.workflows import (
    capture_rules,
    errors_make_and_store,
    errors_store,
    group_admit,
    key_admit,
    key_is_full,
    keys,
)
from readiness.infra.clock import utcnow
from readiness.infra.correlation import continued_correlation_id
from readiness.infra.refusals import Malformed, TooLarge, Unauthenticated
from readiness.tenants.services.callers import DsnCaller
from readiness.tenants.workflows import dsn_authenticate

MAX_ENVELOPE_BYTES = 20 * 1024 * 1024
DSN = "dsn"  # the kind of the key, as limits and counts name it
_SMALL_RAW_BYTES = 64 * 1024  # as sent


@sentry_door
def envelope(request: HttpRequest, project_id: int) -> HttpResponse:
    """POST /api/<project_id>/envelope/: 200 `{"id": …}` once everything in it that is kept is committed."""
    return sentry_answer(_envelope_store(request, project_id))


@sentry_door
def store(request: HttpRequest, project_id: int) -> HttpResponse:
    """POST /api/<project_id>/store/: one event without an envelope, as SDKs sent it before 2020."""
    presented = keys_presented(request)
    caller = dsn_caller(project_id, presented)
    body = store_body_read(body=body_read(request, limit=MAX_ENVELOPE_BYTES), limit=MAX_ENVELOPE_BYTES)
    key_admit(project_id=project_id, key_kind=DSN, key_id=caller.key_id, errors=1)
    captured = _event_capture(Item("event", body), {}, _origin(caller, continued_correlation_id()), presented)
    errors_store([captured])
    return sentry_answer(captured.envelope.error_id.removeprefix("err_"))


class _Envelope:
    """One request's envelope: read and captured by whoever calls `capture`, in the committing thread as a rule."""

    def __init__(
        self, request: HttpRequest, project_id: int, caller: DsnCaller | None, presented: Collection[str], raw: bytes
    ) -> None:
        self.request, self.project_id, self.caller, self.presented = request, project_id, caller, presented
        self.raw, self.encoding = raw, encoding_of(request)
        self.correlation_id = continued_correlation_id()  # the committing thread stands in nobody's trace
        self.is_large = False  # decoded, it has more than SMALL_BYTES
        self.header: dict[str, Any] = {}
        self.items: list[Item] = []
        self.captured: list[CapturedError] = []
        self.limited: CaptureLimited | None = None

    def capture(self, limit: int) -> list[CapturedError]:
        """Its events, at most `limit` bytes of it decoded; none when the key is over its limit. Raises refusals."""
        self.header, self.items = envelope_parse(body=self._decoded(limit))
        dsn_key = key_of_dsn(self.header.get("dsn"))
        if self.caller is None:
            self.caller = dsn_caller(self.project_id, {dsn_key} if dsn_key else set())
        elif dsn_key and dsn_authenticate(self.project_id, dsn_key) != self.caller:
            raise Unauthenticated("The envelope's dsn and the request's key disagree; send one.")
        events = [item for item in self.items if item.type == "event"]
        try:
            key_admit(project_id=self.project_id, key_kind=DSN, key_id=self.caller.key_id, errors=len(events))
        except CaptureLimited as limited:  # what came beside the events is taken first: users' words, the SDK's report
            self.limited = limited
            return []
        origin = _origin(self.caller, self.correlation_id)
        presented = {*self.presented, dsn_key} if dsn_key else self.presented
        self.captured = [_event_capture(item, self.header, origin, presented) for item in events]
        return self.captured

    def _decoded(self, limit: int) -> bytes:
        try:
            return body_decode(raw=self.raw, encoding=self.encoding, limit=limit)
        except TooLarge:
            self.is_large = limit < MAX_ENVELOPE_BYTES
            raise

    def store(self) -> None:
        """Capture and commit. A large one, as sent or as decoded, is read in its own thread: nobody waits for it, nor
        for those that will be refused.
        """
        caller = self.caller
        full = caller is not None and key_is_full(project_id=self.project_id, key_kind=DSN, key_id=caller.key_id)
        if len(self.raw) <= _SMALL_RAW_BYTES and not full:
            try:
                errors_make_and_store(lambda: self.capture(SMALL_BYTES))
                return
            except TooLarge:
                if not self.is_large:
                    raise
        else:
            try:
                errors_store(self.capture(SMALL_BYTES))
                return
            except TooLarge:
                if not self.is_large:
                    raise
        large_begin(self.request)
        errors_store(self.capture(MAX_ENVELOPE_BYTES))


def _envelope_store(request: HttpRequest, project_id: int) -> str | None:
    presented = keys_presented(request)
    caller = dsn_caller(project_id, presented) if presented else None  # before a byte of the body is decoded
    raw = raw_read(request, limit=MAX_ENVELOPE_BYTES)
    sent = _Envelope(request, project_id, caller, presented, raw)
    sent.store()
    if len(sent.items) > len(sent.captured) and sent.caller is not None:
        items_store(items=sent.items, header=sent.header, caller=sent.caller)
    if sent.limited is not None:
        raise sent.limited
    if sent.captured:
        return sent.captured[0].envelope.error_id.removeprefix("err_")
    return hex_id(sent.header.get("event_id")) or None


def _origin(caller: DsnCaller, correlation_id: str | None) -> Origin:
    return Origin(
        caller.project_id,
        trusted=caller.trusted,
        synthetic=caller.synthetic,
        correlation_id=correlation_id,
        key_kind=DSN,
        key_id=caller.key_id,
    )


def _event_capture(item: Item, header: dict[str, Any], origin: Origin, presented: Collection[str]) -> CapturedError:
    """`presented`: the request's own keys, which must not stand in what is stored."""
    return sentry_capture(
        payload=event_trim(payload=item.payload, limit=settings.READINESS_MAX_EVENT_BYTES),
        event_id=header.get("event_id"),
        sent_at=header.get("sent_at"),
        origin=origin,
        keys=keys(),
        received_at=utcnow(),
        admit=group_admit,
        rules=capture_rules(origin.project_id),
        known=presented,
    )


@sentry_door
def not_a_project(request: HttpRequest, project: str, door: str) -> HttpResponse:
    """A DSN whose project is no number: told so, instead of a bare 404."""
    raise Malformed(f"{project[:60]!r} is no project id; a DSN ends in a number.")
