"""The native envelope (INTERFACES, POST /v1/errors): read, check, and capture it like any other error."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from incidents.errors.services import grouping_v1
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.grouping import GROUPING_VERSION, native_fingerprint
from incidents.errors.services.normalising import (
    MAX_MESSAGE,
    Keys,
    content_hmac,
    payload_compress,
    timestamp_parse,
)
from incidents.errors.services.scrub_rules import NO_RULES, CaptureRules
from incidents.errors.services.scrubbing import Entry, entry_scrub
from incidents.errors.services.trimming import MAX_NESTING, is_nested_deeply
from incidents.errors.services.upgrading import SENT_VERSION, envelope_upgrade, version_read
from readiness.infra.envelope import (
    ENVELOPE_VERSION,
    LAYERS,
    ErrorClass,
    ErrorEnvelope,
    ErrorSeverity,
    input_hash,
    new_error_id,
)
from readiness.infra.redaction import text_scrub
from readiness.infra.refusals import FieldError, Invalid, Malformed

MAX_ENVELOPES = 1_000
MAX_CONTEXT_BYTES = 65_536
_encoder = msgspec.json.Encoder(order="sorted")
_TEXTS = {
    "component": 200, "message": MAX_MESSAGE, "correlation_id": 64, "span_id": 32, "decision_id": 200, "run_id": 200,
    "agent_id": 200, "tenant_id": 200, "exception_type": 200, "release": 200, "environment": 64,
}  # fmt: skip
_KNOWN = {*_TEXTS, "layer", "error_class", "severity", "timestamp", "error_id", "input_hash", "input",
          "exception_chain", "context"}  # fmt: skip
_HEX = frozenset("0123456789abcdef")


def body_split(*, body: bytes, content_type: str) -> list[Any]:
    """The envelopes of a body: one object, an array, or NDJSON. Raises Malformed; more than 1,000 is too many."""
    if "ndjson" in content_type or "jsonl" in content_type:
        entries: list[Any] = []
        for number, line in enumerate((line for line in body.split(b"\n") if line.strip()), 1):
            entries.append(_json(line, f"line {number}"))
            if len(entries) > MAX_ENVELOPES:
                break
    else:
        whole = _json(body, "the body")
        entries = whole if isinstance(whole, list) else [whole]
    if not entries:
        raise Malformed("The body holds no envelope; send one object, an array, or one object a line.")
    if len(entries) > MAX_ENVELOPES:
        raise Malformed(f"The body holds more than {MAX_ENVELOPES} envelopes; send them in several requests.")
    return entries


def error_id_derive(seed: str) -> str:
    """The id of an envelope that came without one, under an Idempotency-Key: the same for each of its retries."""
    return f"err_{hashlib.sha256(seed.encode()).hexdigest()[:32]}"


def _json(data: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        raise Malformed(f"{what[0].upper()}{what[1:]} is not valid JSON: {str(broken)[:200]}.") from broken
    except RecursionError as deep:
        raise Malformed(f"{what[0].upper()}{what[1:]} is nested too deeply to be read.") from deep


def _choice(
    entry: Mapping[str, Any], name: str, kind: type[ErrorClass] | type[ErrorSeverity], bad: list[FieldError]
) -> Any:
    try:
        return kind(str(entry.get(name, "")))
    except ValueError:
        choices = ", ".join(member.value for member in kind)
        bad.append(FieldError(f"/{name}", f"{_shown(entry.get(name))} is none of {choices}."))
        return None


def _error_id(value: Any, bad: list[FieldError]) -> str:
    if value is None:
        return new_error_id()
    plain = str(value).removeprefix("err_")
    if not isinstance(value, str) or not value.startswith("err_") or not 12 <= len(plain) <= 32 or set(plain) - _HEX:
        bad.append(FieldError("/error_id", "Use err_ and 12 to 32 lower-case hex characters, or leave it out."))
    return f"err_{plain}"


def _texts(entry: Mapping[str, Any], bad: list[FieldError]) -> dict[str, str | None]:
    texts: dict[str, str | None] = {}
    for name, limit in _TEXTS.items():
        value = entry.get(name)
        if value is not None and not isinstance(value, str):
            bad.append(FieldError(f"/{name}", f"A string is needed, not {type(value).__name__}."))
            value = None
        texts[name] = value[: 2 * limit] if value else None
        if name in ("component", "message") and not (value or "").strip("\x00"):
            bad.append(FieldError(f"/{name}", "This field is required."))
    return texts


def _optional(entry: Mapping[str, Any], bad: list[FieldError]) -> tuple[list[str], dict[str, Any], str | None]:
    chain = entry.get("exception_chain") or []
    if not isinstance(chain, list) or not all(isinstance(link, str) for link in chain):
        bad.append(FieldError("/exception_chain", "A list of strings is needed, the raised exception first."))
        chain = []
    context = entry.get("context") or {}
    if not isinstance(context, dict):
        bad.append(FieldError("/context", "An object is needed."))
        context = {}
    elif len(encoded := _encoder.encode(context)) > MAX_CONTEXT_BYTES:
        bad.append(FieldError("/context", f"At most {MAX_CONTEXT_BYTES} bytes of context are kept; send less."))
    elif is_nested_deeply(encoded):
        bad.append(FieldError("/context", f"At most {MAX_NESTING} levels of nesting are kept; flatten it."))
    hashed = entry.get("input_hash")
    if hashed is not None and (not isinstance(hashed, str) or len(hashed) != 16 or set(hashed) - _HEX):
        bad.append(
            FieldError(
                "/input_hash", "16 lower-case hex characters are needed; or send `input`, which is hashed and dropped."
            )
        )
        hashed = None
    return [link[:1_000] for link in chain[:20]], context, hashed


def _shown(value: Any) -> str:
    """What was sent, as a refusal may say it: the answer is kept for retries."""
    return text_scrub(repr(value)[:400])[:200]


def native_capture(
    *,
    entry: Any,
    origin: Origin,
    keys: Keys,
    received_at: datetime,
    rules: CaptureRules = NO_RULES,
    known: Iterable[str] = (),
) -> CapturedError:
    """One native envelope as a captured error; `rules` are the project's, `known` secrets of the request itself, such
    as its key. One of an older version is upgraded first. Raises Invalid with a pointer for each bad field.
    """
    if not isinstance(entry, dict):
        raise Invalid("An envelope is a JSON object.", errors=[FieldError("", f"This is {type(entry).__name__}.")])
    version = version_read(entry)
    entry = envelope_upgrade(entry, version)
    bad: list[FieldError] = [
        FieldError(f"/{text_scrub(str(name)[:80])}", "There is no such field; put what is yours under `context`.")
        for name in entry
        if name not in _KNOWN
    ]
    layer = entry.get("layer")
    if layer not in LAYERS:
        bad.append(FieldError("/layer", f"{_shown(layer)} is none of {', '.join(LAYERS)}."))
    error_class = _choice(entry, "error_class", ErrorClass, bad)
    severity = _choice(entry, "severity", ErrorSeverity, bad)
    texts = _texts(entry, bad)
    chain, context, hashed = _optional(entry, bad)
    sent = entry.get("timestamp")
    if sent is not None and (isinstance(sent, bool) or not isinstance(sent, str | int | float)):
        bad.append(FieldError("/timestamp", "An ISO 8601 time or a UNIX time is needed."))
        sent = None
    error_id = _error_id(entry.get("error_id"), bad)
    if "input" in entry and entry["input"] is not None:
        hashed = input_hash(_encoder.encode(entry["input"]), keys.hash_key.decode())
    if bad:
        raise Invalid("The envelope has fields that cannot be stored as they are.", errors=bad)
    content = _encoder.encode(entry)
    presented = [secret for secret in known if secret and secret.encode("utf-8", "replace") in content]
    kept = entry_scrub(entry=Entry(texts, chain, context), sent_input=entry.get("input"), rules=rules, known=presented)
    texts = {name: text[: _TEXTS[name]] if text else None for name, text in kept.texts.items()}
    optional: dict[str, Any] = {name: text for name, text in texts.items() if name not in ("component", "message")}
    optional["correlation_id"] = optional["correlation_id"] or origin.correlation_id
    try:
        envelope = ErrorEnvelope(
            error_id=error_id,
            timestamp=timestamp_parse(sent, received_at, timedelta()),
            layer=str(layer),
            error_class=error_class,
            severity=severity,
            input_hash=hashed,
            exception_chain=tuple(link[:500] for link in kept.chain),
            context=kept.context if version == ENVELOPE_VERSION else {**kept.context, SENT_VERSION: version},
            **optional,
            component=texts["component"] or "",
            message=texts["message"] or "",
        )
    except ValueError as lockdown:
        raise Invalid(str(lockdown), errors=[FieldError("/error_class", str(lockdown))]) from lockdown
    # A retry carries the same entry again; one without an id of its own is another error each time.
    return envelope_capture(
        envelope=envelope, origin=origin, keys=keys, received_at=received_at, content=content, frames=()
    )


def envelope_capture(
    *,
    envelope: ErrorEnvelope,
    origin: Origin,
    keys: Keys,
    received_at: datetime,
    content: bytes = b"",
    frames: Sequence[Mapping[str, Any]] = (),
    module: str | None = None,
) -> CapturedError:
    """A checked envelope as a captured error; with `frames` (module, function, lineno) it is grouped by them. `module`:
    the exception type's.
    """
    first_line = envelope.message.strip().splitlines()[0] if envelope.message.strip() else envelope.component
    exception = {"type": envelope.exception_type, "value": envelope.message, "frames": list(frames)}
    if module:
        exception["module"] = module[:200]
    return CapturedError(
        origin=origin,
        envelope=envelope,
        fingerprint=native_fingerprint(
            component=envelope.component,
            error_class=envelope.error_class.value,
            exception_type=envelope.exception_type,
            message=envelope.message,
            frames=frames,
        ),
        fingerprint_version=GROUPING_VERSION,
        title=(f"{envelope.exception_type}: {first_line}" if envelope.exception_type else first_line)[:250],
        culprit=envelope.component,
        content_hmac=content_hmac(content or envelope.error_id.encode(), keys.hash_key),
        payload=payload_compress(
            _encoder.encode(
                {"exceptions": [exception] if envelope.exception_type or frames else [], "grouped_as": "envelope"}
            )
        ),
        received_at=received_at,
        previous=partial(_fingerprint_v1, envelope, frames),
    )


def _fingerprint_v1(envelope: ErrorEnvelope, frames: Sequence[Mapping[str, Any]]) -> str:
    if frames:
        stack = [f"{frame.get('module')}:{frame.get('function')}" for frame in frames]
        return grouping_v1.fingerprint_hash([envelope.exception_type or "", *stack])
    return grouping_v1.native_fingerprint(
        component=envelope.component,
        error_class=envelope.error_class.value,
        exception_type=envelope.exception_type,
        message=envelope.message,
    )
