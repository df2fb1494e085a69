"""Bodies of the old store endpoint: plain JSON, or base64 over zlib as SDKs of Sentry's first decade send it."""

import base64
import binascii
import zlib
from typing import Any

import msgspec

from readiness.infra.refusals import Malformed, TooLarge

MAX_OLD_BYTES = 4 * 1024 * 1024  # no SDK that spoke so sent more; hostile JSON costs much more memory than bytes
# The names that interfaces had before they had short ones.
_ALIASES = {
    "sentry.interfaces.Exception": "exception",
    "sentry.interfaces.Message": "logentry",
    "sentry.interfaces.Stacktrace": "stacktrace",
    "sentry.interfaces.Http": "request",
    "sentry.interfaces.User": "user",
    "sentry.interfaces.Breadcrumbs": "breadcrumbs",
    "sentry.interfaces.Contexts": "contexts",
}


def store_body_read(*, body: bytes, limit: int) -> bytes:
    """The event of a store request as JSON in today's shape. Raises Malformed, TooLarge."""
    text = body.strip()
    if not text.startswith(b"{"):
        text = _unpack(text, limit)
    old = b'"sentry.interfaces.' in text or b'"stacktrace"' in text
    if not old or len(text) > MAX_OLD_BYTES:
        return text
    try:
        event = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return text  # whatever reads events says what is wrong with it
    return _today(event) or text


def _unpack(text: bytes, limit: int) -> bytes:
    try:
        packed = base64.b64decode(text, validate=True)
        stream = zlib.decompressobj()
        plain = stream.decompress(packed, limit + 1)
    except (binascii.Error, ValueError, zlib.error) as broken:
        raise Malformed("The body is neither a JSON object nor base64 over zlib; send the event as JSON.") from broken
    if len(plain) > limit:
        raise TooLarge(f"The body is larger than {limit} bytes once decompressed; send less in one event.")
    return plain.strip()


def _today(event: dict[str, Any]) -> bytes | None:
    """The event with short names and its bare stack trace in a place of today; None when nothing changes."""
    changed = False
    for old, name in _ALIASES.items():
        if old in event:
            event.setdefault(name, event.pop(old))
            changed = True
    stacktrace = event.get("stacktrace")
    if isinstance(stacktrace, dict) and not event.get("threads"):
        event["threads"] = {"values": [{"current": True, "stacktrace": event.pop("stacktrace")}]}
        changed = True
    return msgspec.json.encode(event) if changed else None
