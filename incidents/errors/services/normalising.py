"""From a Sentry event to a captured error: scrub, drop raw input, classify, fingerprint, compress."""

import hmac
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import ip_address
from typing import Any
from uuid import uuid4

import msgspec
import re2
import zstandard
from msgspec import Raw, Struct

from incidents.errors.services import grouping_v1
from incidents.errors.services.captured import Admit, CapturedError, Origin
from incidents.errors.services.class_rules import ClassRules
from incidents.errors.services.classifying import sentry_classify, severity_of_level
from incidents.errors.services.grouping import (
    GROUPING_VERSION,
    MAX_TYPE,
    exceptions_kept,
    sdk_fingerprint_kept,
    sentry_fingerprint,
    thread_kept,
)
from incidents.errors.services.scrub_rules import NO_RULES, CaptureRules
from incidents.errors.services.scrubbing import Cleaned, event_scrub
from incidents.errors.services.sentry_events import NOTHING, SentryEvent, SentryException, event_decode, json_loose
from readiness.infra.envelope import ErrorClass, ErrorEnvelope
from readiness.infra.redaction import FLOOR, Rules, text_scrub
from readiness.infra.refusals import Malformed

MAX_MESSAGE = 8_192
ERROR_CLASSES = frozenset(error_class.value for error_class in ErrorClass)
OLDEST = timedelta(days=30)
_COMPONENT = re2.compile(r"[A-Za-z_]{1,40}(?:\.[A-Za-z_]{1,40}){0,8}")
_encoder = msgspec.json.Encoder()
_local = threading.local()


class _Trace(Struct):
    trace_id: str | None = None
    span_id: str | None = None


class _Contexts(Struct):
    trace: _Trace | None = None
    celery: Any = None
    otel: Any = None


_NO_TRACE, _NO_CONTEXTS = _Trace(), _Contexts()


class _User(Struct):
    id: str | int | None = None
    username: str | None = None
    email: str | None = None
    ip_address: str | None = None


_contexts = msgspec.json.Decoder(_Contexts)
_user = msgspec.json.Decoder(_User)


@dataclass(frozen=True, slots=True)
class Keys:
    """`hash_key`: the installation's key for every keyed hash that is stored."""

    hash_key: bytes


def text_clean(text: str | None, limit: int, rules: Rules = FLOOR) -> str:
    """Scrubbed, without NUL (PostgreSQL stores none), at most `limit` characters."""
    if not text:
        return ""
    return text_scrub(text[: limit * 2], rules).replace("\x00", "")[:limit]


def payload_compress(document: bytes) -> bytes:
    """zstd, level 3; compressors are kept per thread (they are not to be shared)."""
    try:
        compressor: zstandard.ZstdCompressor = _local.compressor
    except AttributeError:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=3)
    return compressor.compress(document)


def payload_decompress(payload: bytes | memoryview) -> dict[str, Any]:
    """The stored detail of an event as plain JSON values. Free-form parts are stored as they were sent, syntax alone
    checked: a number beyond every bound, or what is no UTF-8, shows here first.
    """
    document = zstandard.ZstdDecompressor().decompress(bytes(payload))
    try:
        return dict(msgspec.json.decode(document))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return dict(json_loose(document))


def content_hmac(item: bytes, hash_key: bytes) -> bytes:
    """32 bytes over the item as sent: equal for a retry, different for another error under the same id."""
    return hmac.digest(hash_key, item, "sha256")


def _raw_hash(hash_key: bytes, joined: bytes) -> str | None:
    """16 hex over raw input that is hashed and dropped (83); None when there was none."""
    return hmac.digest(hash_key, joined, "sha256").hex()[:16] if joined else None


def person_hash(who: str, hash_key: bytes) -> str | None:
    """16 hex of the keyed hash of whatever names a person; None for nothing."""
    return _raw_hash(hash_key, who.encode("utf-8", "replace") + b"\x1f") if who else None


def _user_hash(user: Raw, hash_key: bytes) -> str | None:
    """Who it happened to, countable and not readable: 16 hex of the keyed hash of the id (e-mail, address)."""
    data = bytes(user)
    if not data or data == b"null":
        return None
    try:
        known = _user.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _raw_hash(hash_key, data + b"\x1f")
    who = known.id or known.username or known.email or known.ip_address
    return person_hash(str(who), hash_key) if who else None


def timestamp_parse(value: float | str | None, received_at: datetime, drift: timedelta) -> datetime:
    """The event's own time, corrected by the sender's clock drift; never in the future, at most 30 days old."""
    moment = received_at
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and value.replace(".", "", 1).isdigit()):
            moment = datetime.fromtimestamp(float(value), UTC)
        elif isinstance(value, str):
            moment = datetime.fromisoformat(value)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        return received_at
    try:
        moment += drift
    except OverflowError:  # year 1 or 9999
        return received_at
    return moment if received_at - OLDEST <= moment <= received_at else received_at


def clock_drift(sent_at: object, received_at: datetime) -> timedelta:
    """How far the sender's clock is off (by the envelope's `sent_at`); transit under a minute is not drift."""
    if not isinstance(sent_at, str):
        return timedelta()
    try:
        sent = datetime.fromisoformat(sent_at)
    except ValueError:
        return timedelta()
    off = received_at - (sent.replace(tzinfo=UTC) if sent.tzinfo is None else sent)
    return off if abs(off) >= timedelta(minutes=1) else timedelta()


def error_id_of_sentry(event_id: object) -> str:
    """`err_` and the 32 hex of a Sentry event id (32 or 36 characters). Raises Malformed."""
    plain = event_id.replace("-", "").lower() if isinstance(event_id, str) else ""
    if len(plain) != 32 or not all(char in "0123456789abcdef" for char in plain):
        told = repr(event_id[:80]) if isinstance(event_id, str) else f"of type {type(event_id).__name__}"
        raise Malformed(f"event_id {told} is not 32 hex characters; send such an id, or none.")
    return f"err_{plain}"


def _crash_place(event: SentryEvent, raised: SentryException | None) -> str:
    """Where it broke: the innermost in-app frame's module (or file), else the transaction, else the logger."""
    last = None
    for frame in reversed((raised.stacktrace.frames or ()) if raised and raised.stacktrace else ()):
        if frame is None:
            continue
        last = last or frame.module or frame.filename
        if frame.in_app and (place := frame.module or frame.filename):
            return place
    return last or event.transaction or event.logger or "unknown"


def sentry_capture(
    *,
    payload: bytes,
    event_id: object,
    sent_at: object,
    origin: Origin,
    keys: Keys,
    received_at: datetime,
    admit: Admit | None = None,
    rules: CaptureRules = NO_RULES,
    known: Iterable[str] = (),
) -> CapturedError:
    """One Sentry event item as a captured error. `event_id` is the envelope's, which beats the payload's; `rules` are
    the project's; `known`: secrets that the request itself carried, such as its own key.

    One without an id gets one. What `admit` only counts has no payload. Raises Malformed when the payload is no event
    or its id is none.
    """
    event = event_decode(payload=payload)
    error_id = error_id_of_sentry(event_id or event.event_id or uuid4().hex)
    contexts = _event_contexts(event)
    trace = contexts.trace or _NO_TRACE
    presented = [secret for secret in known if secret.encode() in payload]
    kept = event_scrub(event=event, trace=(trace.trace_id, trace.span_id), rules=rules, known=presented)
    if (tagged := (event.tags or {}).get("error_class")) in ERROR_CLASSES:
        kept.tags["error_class"] = tagged  # one of ours and no secret, though `domain.authorization` looks like one
    if "component" in kept.tags and _COMPONENT.fullmatch(named := (event.tags or {}).get("component") or ""):
        kept.tags["component"] = named  # `shop.auth`: words of letters with dots are a place in a program
    chain = exceptions_kept(event)
    at = timestamp_parse(event.timestamp, received_at, clock_drift(sent_at, received_at))
    in_worker = bool(contexts.celery) or "celery_task_id" in kept.tags
    told_layer = contexts.otel.get("layer") if isinstance(contexts.otel, dict) else None
    envelope = _envelope(
        event, chain, kept, error_id=error_id, at=at, hash_key=keys.hash_key, in_worker=in_worker,
        told_layer=told_layer, rules=rules.classes, sent_under=origin.correlation_id,
    )  # fmt: skip
    if event.fingerprint:
        event.tags = dict(kept.tags)  # a fingerprint may name tags: what they are is what is stored of them
    fingerprint = sentry_fingerprint(event=event, message=envelope.message)
    sampled = None if admit is None else admit(origin.project_id, fingerprint)
    detail = {} if sampled else _detail(event, chain, kept)
    if rules.rules.keep_ip and detail and (address := _user_address(event.user)):
        detail["ip_address"] = address
    return CapturedError(
        origin=origin,
        envelope=envelope,
        fingerprint=fingerprint,
        fingerprint_version=GROUPING_VERSION,
        title=_title(envelope.exception_type, envelope.message, event.transaction),
        culprit=envelope.component,
        content_hmac=content_hmac(payload, keys.hash_key),
        payload=payload_compress(_encoder.encode(detail)) if detail else b"",
        received_at=received_at,
        sampled=sampled,
        previous=partial(grouping_v1.sentry_fingerprint, event=event, message=envelope.message),
    )


def _event_contexts(event: SentryEvent) -> _Contexts:
    try:
        return _contexts.decode(event.contexts) if event.contexts is not NOTHING else _NO_CONTEXTS
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _NO_CONTEXTS


def _user_address(user: Raw) -> str:
    """The user's address, where it is one; the SDKs' `{{auto}}` is none."""
    try:
        return str(ip_address(_user.decode(user).ip_address or ""))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return ""


def _envelope(
    event: SentryEvent,
    chain: list[SentryException],
    kept: Cleaned,
    *,
    error_id: str,
    at: datetime,
    hash_key: bytes,
    in_worker: bool,
    told_layer: Any,
    rules: ClassRules,
    sent_under: str | None,
) -> ErrorEnvelope:
    raised, entry, tags = chain[-1] if chain else None, event.logentry, kept.tags
    said = (entry and (entry.formatted or entry.message)) or event.message or ""
    component = (tags.get("component") or _crash_place(event, raised))[:200]
    found = sentry_classify(
        exception_type=raised.type if raised else None,
        module=raised.module if raised else None,
        component=component,
        tagged_class=tags.get("error_class"),
        tagged_layer=tags.get("layer"),
        told_layer=told_layer if isinstance(told_layer, str) else None,
        in_request=event.request is not None,
        in_worker=in_worker,
        rules=rules,
    )
    context: dict[str, Any] = {"platform": (event.platform or "")[:40], "transaction": (event.transaction or "")[:200]}
    if locals_hash := _raw_hash(hash_key, kept.variables):
        context["locals_hash"] = locals_hash
    if user_hash := _user_hash(event.user, hash_key):
        context["user_hash"] = user_hash
    return ErrorEnvelope(
        error_id=error_id,
        timestamp=at,
        layer=found.layer,
        component=component,
        error_class=found.error_class,
        severity=severity_of_level(event.level),
        message=(raised.value if raised and raised.value else said)[:MAX_MESSAGE],
        correlation_id=(kept.trace_id or tags.get("correlation_id") or "")[:64] or sent_under,
        span_id=kept.span_id[:32] or None,
        decision_id=tags.get("decision_id") or None,
        run_id=tags.get("run_id") or None,
        agent_id=tags.get("agent_id") or None,
        tenant_id=tags.get("tenant_id") or tags.get("tenant") or None,
        input_hash=_raw_hash(hash_key, kept.raw_input),
        exception_type=raised.type[:200] if raised and raised.type else None,
        exception_chain=tuple(f"{e.type or 'Error'}: {e.value or ''}"[:500].rstrip(": ") for e in reversed(chain)),
        context=context,
        release=(event.release or "")[:200] or None,
        environment=(event.environment or "")[:64] or "production",
    )


def _detail(event: SentryEvent, chain: list[SentryException], kept: Cleaned) -> dict[str, Any]:
    """What is stored compressed beside the envelope: the frames, the way there, the surroundings."""
    request = None
    if event.request:
        request = {"method": kept.method[:20], "url": kept.url[:1_000], "headers": kept.headers, **kept.raw_kept}
    return {
        "exceptions": [
            {
                "type": (e.type or "")[:MAX_TYPE],
                "value": (e.value or "")[:MAX_MESSAGE],
                "module": e.module and e.module[:200],
                "handled": e.mechanism.handled if e.mechanism else None,
                "frames": Raw(stack),
                **_mechanism(e),
            }
            for e, stack in zip(chain, kept.stacks, strict=False)
        ],
        **_grouped_by(event, chain, kept),
        "breadcrumbs": Raw(b"[%s]" % b",".join(kept.breadcrumbs)),
        "request": request,
        "tags": kept.tags,
        "extra": Raw(kept.extra),
        "contexts": Raw(kept.contexts),
        "sdk": kept.sdk[:200] or None,
        "logger": event.logger and event.logger[:200],
    }


def _mechanism(exception: SentryException) -> dict[str, Any]:
    """What grouping asks of an exception's mechanism; nothing for the usual one."""
    mechanism = exception.mechanism
    if mechanism is None:
        return {}
    names = ("synthetic", "is_exception_group", "exception_id", "parent_id")
    kept = {name: value for name in names if (value := getattr(mechanism, name)) is not None}
    return {"mechanism": kept} if kept else {}


def _grouped_by(event: SentryEvent, chain: list[SentryException], kept: Cleaned) -> dict[str, Any]:
    """What else decided where the event belongs, so that a page can tell why; nothing for the usual event."""
    found: dict[str, Any] = {}
    if event.fingerprint and (fingerprint := sdk_fingerprint_kept(event)):
        found["fingerprint"] = fingerprint
        found["level"] = event.level
    if len(kept.stacks) > len(chain) and (thread := thread_kept(event)) is not None:
        found["threads"] = [
            {"crashed": thread.crashed, "current": thread.current, "frames": Raw(kept.stacks[len(chain)])}
        ]
    if event.logentry and event.logentry.message and event.logentry.formatted:
        found["template"] = event.logentry.message[:MAX_MESSAGE]
    return found


def _title(exception_type: str | None, message: str, transaction: str | None) -> str:
    """What an incident is called: `KeyError: 'shipping'`; never a stack trace (21)."""
    first_line = next(iter(message.strip().splitlines()), "")
    if exception_type:
        return f"{exception_type}: {first_line}"[:250] if first_line else exception_type
    return (first_line or (transaction or "")[:200] or "An error without a message")[:250]
