"""From a Sentry event to a captured error: scrub, drop raw input, classify, fingerprint, compress."""

import hashlib
import hmac
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import msgspec
import zstandard
from msgspec import Raw, Struct

from incidents.errors.services import grouping_v1
from incidents.errors.services.captured import Admit, CapturedError, Origin
from incidents.errors.services.classifying import sentry_classify, severity_of_level
from incidents.errors.services.grouping import GROUPING_VERSION, sdk_fingerprint_kept, sentry_fingerprint, thread_kept
from incidents.errors.services.sentry_events import (
    Frame,
    Request,
    SentryEvent,
    SentryException,
    Thread,
    event_decode,
)
from incidents.errors.services.trimming import MAX_ENTRY_BYTES, bag_trim
from readiness.infra.envelope import ErrorEnvelope
from readiness.infra.redaction import FILTERED, is_suspect, key_is_secret, scrub, text_scrub
from readiness.infra.refusals import Malformed

MAX_MESSAGE = 8_192
MAX_TAG = 200
MAX_TAGS = 50
MAX_FRAMES = 50
MAX_EXCEPTIONS = 20
MAX_BREADCRUMBS = 100
OLDEST = timedelta(days=30)
_encoder = msgspec.json.Encoder()
_local = threading.local()


class _Trace(Struct):
    trace_id: str | None = None
    span_id: str | None = None


class _Contexts(Struct):
    trace: _Trace | None = None
    celery: Any = None


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


def text_clean(text: str | None, limit: int) -> str:
    """Scrubbed, without NUL (PostgreSQL stores none), at most `limit` characters."""
    if not text:
        return ""
    return text_scrub(text[: limit * 2]).replace("\x00", "")[:limit]


def payload_compress(document: bytes) -> bytes:
    """zstd, level 3; compressors are kept per thread (they are not to be shared)."""
    try:
        compressor: zstandard.ZstdCompressor = _local.compressor
    except AttributeError:
        compressor = _local.compressor = zstandard.ZstdCompressor(level=3)
    return compressor.compress(document)


def payload_decompress(payload: bytes) -> dict[str, Any]:
    """The stored detail of an event as plain JSON values."""
    return dict(msgspec.json.decode(zstandard.ZstdDecompressor().decompress(bytes(payload))))


def content_hmac(item: bytes, hash_key: bytes) -> bytes:
    """32 bytes over the item as sent: equal for a retry, different for another error under the same id."""
    return hmac.digest(hash_key, item, "sha256")


def _raw_hash(hash_key: bytes, parts: Iterable[bytes]) -> str | None:
    """16 hex over raw input that is hashed and dropped (83); None when there was none."""
    digest = hmac.new(hash_key, digestmod=hashlib.sha256)
    seen = False
    for part in parts:
        if part and part not in (b"null", b"{}", b"[]", b'""'):
            seen = True
            digest.update(part)
            digest.update(b"\x1f")
    return digest.hexdigest()[:16] if seen else None


def _part(raw: Raw) -> Any:
    """A free-form part of the event, scrubbed; what is too large in it is replaced by a note of its size."""
    data = bytes(raw)
    if not data or data == b"null":
        return None
    if len(data) > MAX_ENTRY_BYTES and (cut := bag_trim(data)) is not None:
        return _without_nul(scrub(cut))
    if is_suspect(data) or b"\\u0000" in data:
        return _without_nul(scrub(msgspec.json.decode(data)))
    return raw


def _without_nul(value: Any) -> Any:
    encoded = _encoder.encode(value)
    return Raw(encoded.replace(b"\\u0000", b"")) if b"\\u0000" in encoded else value


def _frame(frame: Frame) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "module": frame.module,
        "function": frame.function,
        "filename": frame.filename,
        "lineno": frame.lineno,
        "in_app": bool(frame.in_app),
    }
    if frame.context_line is not None:
        kept["context_line"] = frame.context_line[:500]
        kept["pre_context"] = [(line or "")[:500] for line in frame.pre_context or []][-5:]
        kept["post_context"] = [(line or "")[:500] for line in frame.post_context or []][:5]
    return kept


def _frames(exception: SentryException | Thread) -> list[dict[str, Any]]:
    frames = [f for f in (exception.stacktrace.frames or [] if exception.stacktrace else []) if f is not None]
    if len(frames) > MAX_FRAMES:  # the middle of a long stack says least
        frames = frames[: MAX_FRAMES // 2] + frames[-MAX_FRAMES // 2 :]
    kept = [_frame(frame) for frame in frames]
    # One look over the whole stack; only a suspect stack is looked at frame by frame.
    return [scrub(frame) for frame in kept] if kept and is_suspect(_encoder.encode(kept)) else kept


def _request(request: Request) -> dict[str, Any]:
    """Method, URL without its query, and headers without those that carry secrets."""
    url = urlsplit((request.url or "")[:2_000])
    headers = {
        name[:200]: FILTERED if key_is_secret(name) else text_clean(value, 500)
        for name, value in list((request.headers or {}).items())[:60]
        if name.lower() != "cookie"
    }
    host = url.netloc.rsplit("@", 1)[-1]
    return {
        "method": (request.method or "")[:20],
        "url": text_clean(f"{url.scheme}://{host}{url.path}" if host else url.path, 1_000),
        "headers": headers,
    }


def person_hash(who: str, hash_key: bytes) -> str | None:
    """16 hex of the keyed hash of whatever names a person; None for nothing."""
    return _raw_hash(hash_key, [who.encode("utf-8", "replace")])


def _user_hash(user: Raw, hash_key: bytes) -> str | None:
    """Who it happened to, countable and not readable: 16 hex of the keyed hash of the id (e-mail, address)."""
    data = bytes(user)
    if not data or data == b"null":
        return None
    try:
        known = _user.decode(data)
    except msgspec.DecodeError:
        return _raw_hash(hash_key, [data])
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
    moment += drift
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
    plain = str(event_id or "").replace("-", "").lower()
    if len(plain) != 32 or not all(char in "0123456789abcdef" for char in plain):
        raise Malformed(f"event_id {str(event_id)[:80]!r} is not 32 hex characters.")
    return f"err_{plain}"


def _crash_place(event: SentryEvent, raised: SentryException | None) -> str:
    """Where it broke: the innermost in-app frame's module (or file), else the transaction, else the logger."""
    frames = [f for f in (raised.stacktrace.frames or [] if raised and raised.stacktrace else []) if f is not None]
    for frame in [f for f in reversed(frames) if f.in_app] or frames[-1:]:
        place = frame.module or frame.filename
        if place:
            return place
    return event.transaction or event.logger or "unknown"


def sentry_capture(
    *,
    payload: bytes,
    event_id: object,
    sent_at: object,
    origin: Origin,
    keys: Keys,
    received_at: datetime,
    admit: Admit | None = None,
) -> CapturedError:
    """One Sentry event item as a captured error. `event_id` is the envelope's, which beats the payload's.

    One without an id gets one. What `admit` only counts has no payload. Raises Malformed when the payload is no event
    or its id is none.
    """
    event = event_decode(payload=payload)
    error_id = error_id_of_sentry(event_id or event.event_id or uuid4().hex)
    chain = [e for e in (event.exception.values or [] if event.exception else []) if e is not None][-MAX_EXCEPTIONS:]
    tags = _tags(event)
    at = timestamp_parse(event.timestamp, received_at, clock_drift(sent_at, received_at))
    envelope = _envelope(event, chain, tags, error_id=error_id, at=at, hash_key=keys.hash_key)
    fingerprint = sentry_fingerprint(event=event, message=envelope.message)
    sampled = None if admit is None else admit(origin.project_id, fingerprint)
    detail = b"" if sampled else _encoder.encode(_detail(event, chain, tags)).replace(b"\\u0000", b"")
    return CapturedError(
        origin=origin,
        envelope=envelope,
        fingerprint=fingerprint,
        fingerprint_version=GROUPING_VERSION,
        title=_title(envelope.exception_type, envelope.message, event.transaction),
        culprit=envelope.component,
        content_hmac=content_hmac(payload, keys.hash_key),
        payload=payload_compress(detail) if detail else b"",
        received_at=received_at,
        sampled=sampled,
        previous=partial(grouping_v1.sentry_fingerprint, event=event, message=envelope.message),
    )


def _tags(event: SentryEvent) -> dict[str, str]:
    tags = {text_clean(k, MAX_TAG): text_clean(v, MAX_TAG) for k, v in list((event.tags or {}).items())[:MAX_TAGS]}
    return {name: FILTERED if value and key_is_secret(name) else value for name, value in tags.items()}


def _event_contexts(event: SentryEvent) -> _Contexts:
    try:
        return _contexts.decode(event.contexts) if bytes(event.contexts) else _Contexts()
    except msgspec.DecodeError:
        return _Contexts()


def _context(event: SentryEvent, chain: list[SentryException], hash_key: bytes) -> dict[str, Any]:
    """The envelope's context: platform, transaction, and hashes of what is not stored."""
    kept: dict[str, Any] = {"platform": (event.platform or "")[:40], "transaction": text_clean(event.transaction, 200)}
    frame_vars = [
        bytes(f.vars) for e in chain if e.stacktrace for f in e.stacktrace.frames or [] if f is not None and f.vars
    ]
    if locals_hash := _raw_hash(hash_key, frame_vars):
        kept["locals_hash"] = locals_hash
    if user_hash := _user_hash(event.user, hash_key):
        kept["user_hash"] = user_hash
    return kept


def _envelope(
    event: SentryEvent,
    chain: list[SentryException],
    tags: dict[str, str],
    *,
    error_id: str,
    at: datetime,
    hash_key: bytes,
) -> ErrorEnvelope:
    raised = chain[-1] if chain else None
    entry, request, contexts = event.logentry, event.request, _event_contexts(event)
    said = (entry and (entry.formatted or entry.message)) or event.message or ""
    trace = contexts.trace or _Trace()
    found = sentry_classify(
        exception_type=raised.type if raised else None,
        tagged_class=tags.get("error_class"),
        tagged_layer=tags.get("layer"),
        in_request=request is not None,
        in_worker=contexts.celery is not None or "celery_task_id" in tags,
    )
    raw_input = (bytes(request.data), bytes(request.query_string), bytes(request.cookies)) if request else ()
    return ErrorEnvelope(
        error_id=error_id,
        timestamp=at,
        layer=found.layer,
        component=text_clean(tags.get("component") or _crash_place(event, raised), 200),
        error_class=found.error_class,
        severity=severity_of_level(event.level),
        message=text_clean(raised.value if raised and raised.value else said, MAX_MESSAGE),
        correlation_id=text_clean(trace.trace_id or tags.get("correlation_id"), 64) or None,
        span_id=text_clean(trace.span_id, 32) or None,
        decision_id=tags.get("decision_id") or None,
        run_id=tags.get("run_id") or None,
        agent_id=tags.get("agent_id") or None,
        tenant_id=tags.get("tenant_id") or tags.get("tenant") or None,
        input_hash=_raw_hash(hash_key, raw_input),
        exception_type=text_clean(raised.type, 200) if raised and raised.type else None,
        exception_chain=tuple(
            text_clean(f"{e.type or 'Error'}: {e.value or ''}", 500).rstrip(": ") for e in reversed(chain)
        ),
        context=_context(event, chain, hash_key),
        release=text_clean(event.release, 200) or None,
        environment=text_clean(event.environment, 64) or "production",
    )


def _detail(event: SentryEvent, chain: list[SentryException], tags: dict[str, str]) -> dict[str, Any]:
    """What is stored compressed beside the envelope: the frames, the way there, the surroundings."""
    crumbs = (event.breadcrumbs.values or [] if event.breadcrumbs else [])[-MAX_BREADCRUMBS:]
    return {
        "exceptions": [
            {
                "type": text_clean(e.type, 200),
                "value": text_clean(e.value, MAX_MESSAGE),
                "module": e.module,
                "handled": e.mechanism.handled if e.mechanism else None,
                "frames": _frames(e),
                **_mechanism(e),
            }
            for e in chain
        ],
        **_grouped_by(event, chain),
        "breadcrumbs": [_part(crumb) for crumb in crumbs],
        "request": _request(event.request) if event.request else None,
        "tags": tags,
        "extra": _part(event.extra),
        "contexts": _part(event.contexts),
        "sdk": f"{event.sdk.name}/{event.sdk.version}" if event.sdk else None,
        "logger": event.logger,
    }


def _mechanism(exception: SentryException) -> dict[str, Any]:
    """What grouping asks of an exception's mechanism; nothing for the usual one."""
    mechanism = exception.mechanism
    names = ("synthetic", "is_exception_group", "exception_id", "parent_id")
    kept = {name: value for name in names if (value := getattr(mechanism, name)) is not None} if mechanism else {}
    return {"mechanism": kept} if kept else {}


def _grouped_by(event: SentryEvent, chain: list[SentryException]) -> dict[str, Any]:
    """What else decided where the event belongs, so that a page can tell why; nothing for the usual event."""
    kept: dict[str, Any] = {}
    if event.fingerprint and (fingerprint := sdk_fingerprint_kept(event)):
        kept.update(fingerprint=fingerprint, level=event.level)
    if event.threads and not any(e.stacktrace and e.stacktrace.frames for e in chain):
        thread = thread_kept(event)
        if thread is not None:
            kept["threads"] = [{"crashed": thread.crashed, "current": thread.current, "frames": _frames(thread)}]
    if event.logentry and event.logentry.message and event.logentry.formatted:
        kept["template"] = text_clean(event.logentry.message, MAX_MESSAGE)
    return kept


def _title(exception_type: str | None, message: str, transaction: str | None) -> str:
    """What an incident is called: `KeyError: 'shipping'`; never a stack trace (21)."""
    first_line = message.strip().splitlines()[0] if message.strip() else ""
    if exception_type:
        return f"{exception_type}: {first_line}"[:250] if first_line else exception_type
    return (first_line or text_clean(transaction, 200) or "An error without a message")[:250]
