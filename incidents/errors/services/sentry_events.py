"""Reading a Sentry event: the shapes that SDKs send, decoded straight into what is kept.

Typed decoding skips what is dropped anyway (modules, debug metadata) without making objects of it. An event of an odder
shape (exception as a bare list, headers as pairs, numbers where strings belong) is put into the usual one first.
"""

import json
from math import isfinite
from typing import Any

import msgspec
from msgspec import Raw, Struct

from readiness.infra.refusals import Malformed

NOTHING = Raw(b"")


class Frame(Struct, omit_defaults=True):
    module: str | None = None
    function: str | None = None
    filename: str | None = None
    lineno: int | None = None
    in_app: bool | None = None
    context_line: str | None = None
    pre_context: list[str | None] | None = None
    post_context: list[str | None] | None = None
    vars: Raw = NOTHING


class Stacktrace(Struct):
    frames: list[Frame | None] | None = None


class Mechanism(Struct):
    type: str | None = None
    handled: bool | None = None
    synthetic: bool | None = None
    is_exception_group: bool | None = None
    exception_id: int | None = None
    parent_id: int | None = None


class SentryException(Struct):
    type: str | None = None
    value: str | None = None
    module: str | None = None
    stacktrace: Stacktrace | None = None
    mechanism: Mechanism | None = None


class Exceptions(Struct):
    values: list[SentryException | None] | None = None


class Thread(Struct):
    crashed: bool | None = None
    current: bool | None = None
    stacktrace: Stacktrace | None = None


class Threads(Struct):
    values: list[Thread | None] | None = None


class LogEntry(Struct):
    message: str | None = None
    formatted: str | None = None


class Breadcrumbs(Struct):
    values: list[Raw] | None = None


class Request(Struct):
    method: str | None = None
    url: str | None = None
    query_string: Raw = NOTHING
    data: Raw = NOTHING
    cookies: Raw = NOTHING
    headers: dict[str, str | None] | None = None


class Sdk(Struct):
    name: str | None = None
    version: str | None = None


class SentryEvent(Struct):
    event_id: str | None = None
    timestamp: float | str | None = None
    level: str | None = None
    platform: str | None = None
    logger: str | None = None
    transaction: str | None = None
    release: str | None = None
    environment: str | None = None
    exception: Exceptions | None = None
    threads: Threads | None = None
    logentry: LogEntry | None = None
    message: str | None = None
    breadcrumbs: Breadcrumbs | None = None
    request: Request | None = None
    tags: dict[str, str | None] | None = None
    fingerprint: list[str] | None = None
    extra: Raw = NOTHING
    contexts: Raw = NOTHING
    user: Raw = NOTHING
    sdk: Sdk | None = None


_strict = msgspec.json.Decoder(SentryEvent)


def _values(value: Any) -> dict[str, Any] | None:
    """`{values: […]}` of a list, of one bare object, or of itself; entries that are no objects are dropped."""
    if isinstance(value, dict) and "values" in value:
        value = value["values"]
    if isinstance(value, dict):
        value = [value]
    return {"values": [entry for entry in value if isinstance(entry, dict)]} if isinstance(value, list) else None


def _pairs(value: Any) -> dict[str, str | None] | None:
    """A mapping of strings from an object, or from a list of pairs (headers, tags)."""
    if isinstance(value, list):
        value = {_text(entry[0]): entry[1] for entry in value if isinstance(entry, list) and len(entry) == 2}
    if not isinstance(value, dict):
        return None
    return {str(key): _text(item) for key, item in value.items()}


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _int(value: Any) -> int | None:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if abs(number) < 2**53 else None


def _bool(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _lines(value: Any) -> list[str | None]:
    return [_text(line) for line in value if line is not None] if isinstance(value, list) else []


def _stacktrace(value: Any) -> dict[str, Any] | None:
    frames = value.get("frames") if isinstance(value, dict) else None
    if not isinstance(frames, list):
        return None
    return {
        "frames": [
            {
                **{name: _text(frame.get(name)) for name in ("module", "function", "filename", "context_line")},
                "lineno": _int(frame.get("lineno")),
                "in_app": _bool(frame.get("in_app")),
                "pre_context": _lines(frame.get("pre_context")),
                "post_context": _lines(frame.get("post_context")),
                "vars": frame.get("vars"),
            }
            for frame in frames
            if isinstance(frame, dict)
        ]
    }


def _exception(value: dict[str, Any]) -> dict[str, Any]:
    mechanism = value.get("mechanism")
    return {
        **{name: _text(value.get(name)) for name in ("type", "value", "module")},
        "stacktrace": _stacktrace(value.get("stacktrace")),
        "mechanism": {
            "type": _text(mechanism.get("type")),
            "handled": _bool(mechanism.get("handled")),
            "synthetic": _bool(mechanism.get("synthetic")),
            "is_exception_group": _bool(mechanism.get("is_exception_group")),
            "exception_id": _int(mechanism.get("exception_id")),
            "parent_id": _int(mechanism.get("parent_id")),
        }
        if isinstance(mechanism, dict)
        else None,
    }


def _usual_shape(event: dict[str, Any]) -> dict[str, Any]:
    """The event with every known field in the one shape that SentryEvent reads; unknown fields are left out."""
    shaped: dict[str, Any] = {
        name: _text(event.get(name))
        for name in ("event_id", "level", "platform", "logger", "transaction", "release", "environment")
    }
    timestamp = event.get("timestamp")
    shaped["timestamp"] = timestamp if isinstance(timestamp, int | float | str) else None
    message = event.get("message")
    entry = event.get("logentry") or (message if isinstance(message, dict) else None)
    shaped["message"] = _text(message) if not isinstance(message, dict) else None
    if isinstance(entry, dict):
        shaped["logentry"] = {name: _text(entry.get(name)) for name in ("message", "formatted")}
    exceptions = _values(event.get("exception"))
    if exceptions:
        shaped["exception"] = {"values": [_exception(value) for value in exceptions["values"]]}
    threads = _values(event.get("threads"))
    if threads:
        shaped["threads"] = {
            "values": [
                {
                    "crashed": _bool(value.get("crashed")),
                    "current": _bool(value.get("current")),
                    "stacktrace": _stacktrace(value.get("stacktrace")),
                }
                for value in threads["values"]
            ]
        }
    shaped["breadcrumbs"] = _values(event.get("breadcrumbs"))
    request = event.get("request")
    if isinstance(request, dict):
        shaped["request"] = {
            "method": _text(request.get("method")),
            "url": _text(request.get("url")),
            "headers": _pairs(request.get("headers")),
            **{name: request[name] for name in ("query_string", "data", "cookies") if request.get(name)},
        }
    shaped["tags"] = _pairs(event.get("tags"))
    if isinstance(event.get("fingerprint"), list):
        shaped["fingerprint"] = [_text(part) or "" for part in event["fingerprint"]]
    for name in ("extra", "contexts", "user"):
        if isinstance(event.get(name), dict | list):
            shaped[name] = event[name]
    sdk = event.get("sdk")
    if isinstance(sdk, dict):
        shaped["sdk"] = {"name": _text(sdk.get("name")), "version": _text(sdk.get("version"))}
    return shaped


def _finite(token: str) -> float | None:
    number = float(token)
    return number if isfinite(number) else None


def _whole(token: str) -> int | float | None:
    return int(token) if len(token) < 20 else _finite(token)


def json_loose(data: bytes) -> Any:
    """JSON that is not quite: numbers beyond every bound and NaN are null, bytes that are no UTF-8 are replaced.

    Raises ValueError, RecursionError.
    """
    text = data.decode("utf-8", "replace")
    return json.loads(text, parse_constant=lambda _: None, parse_float=_finite, parse_int=_whole)


def event_decode(*, payload: bytes) -> SentryEvent:
    """The event; lenient in shape, strict in that it must be a JSON object. Raises Malformed."""
    try:
        return _strict.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass  # an odder shape, or no JSON at all: the slow and patient way tells
    try:
        loose = json_loose(payload)
        if not isinstance(loose, dict):
            raise Malformed(f"An event must be a JSON object, not {type(loose).__name__}.")
        encoded = json.dumps(_usual_shape(loose)).encode()
        # Lone surrogates can be written in JSON and in nothing else: they become the replacement character.
        return _strict.decode(_without_lone_surrogates(encoded))
    except RecursionError as deep:
        raise Malformed("The event is nested too deeply to be read.") from deep
    except (ValueError, msgspec.DecodeError) as broken:
        raise Malformed(f"The event is not valid JSON: {str(broken)[:200]}.") from broken


def _without_lone_surrogates(encoded: bytes) -> bytes:
    try:
        msgspec.json.decode(encoded)
        return encoded
    except msgspec.DecodeError:
        text = json.dumps(json.loads(encoded), ensure_ascii=False)
        return text.encode("utf-8", "replace")
