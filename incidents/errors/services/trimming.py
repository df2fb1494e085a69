"""Cutting to size, so that a large error is kept without its ballast instead of being lost (Relay's limits).

An event may have 1 MiB; a larger one loses, until it fits, extra, breadcrumbs, contexts, request data, and the source
lines and variables of its frames. What went is named in its `extra`. Free-form parts keep 16 KB an entry and 256 KB in
all.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Raw, Struct

from readiness.infra.refusals import TooLarge

MAX_ENTRY_BYTES = 16_384
MAX_BAG_BYTES = 262_144
MAX_TEXT_BYTES = 65_536
MAX_FRAMES = 50
MAX_NESTING = 100
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
# Read into objects only up to here: a few hundred bytes of memory a byte is what hostile JSON can cost.
MAX_STACKS_BYTES = 4 * 1024 * 1024
_NOTHING = Raw(b"")
_FRAME_FIELDS = ("module", "function", "filename", "abs_path", "lineno", "colno", "in_app", "platform")


class _Parts(Struct, omit_defaults=True):
    """Every field of an event that is looked at, undecoded; the others are passed over without making objects."""

    event_id: Raw = _NOTHING
    timestamp: Raw = _NOTHING
    level: Raw = _NOTHING
    platform: Raw = _NOTHING
    logger: Raw = _NOTHING
    transaction: Raw = _NOTHING
    release: Raw = _NOTHING
    environment: Raw = _NOTHING
    exception: Raw = _NOTHING
    threads: Raw = _NOTHING
    logentry: Raw = _NOTHING
    message: Raw = _NOTHING
    breadcrumbs: Raw = _NOTHING
    request: Raw = _NOTHING
    tags: Raw = _NOTHING
    fingerprint: Raw = _NOTHING
    extra: Raw = _NOTHING
    contexts: Raw = _NOTHING
    user: Raw = _NOTHING
    sdk: Raw = _NOTHING


_parts = msgspec.json.Decoder(_Parts)
_bag = msgspec.json.Decoder(dict[str, Raw])
_encode = msgspec.json.Encoder().encode


def bag_trim(data: bytes) -> dict[str, Any] | None:
    """A free-form part that is too large: its entries up to the limits, the others as a note of their size.

    None when each of them is within the limits, and so are all together.
    """
    try:
        entries = _bag.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return {"truncated": f"{len(data)} bytes, over the limit of {MAX_ENTRY_BYTES}"}
    if len(data) <= MAX_BAG_BYTES and max((len(bytes(raw)) for raw in entries.values()), default=0) <= MAX_ENTRY_BYTES:
        return None
    kept: dict[str, Any] = {}
    total = 0
    for name, raw in entries.items():
        size = len(bytes(raw))
        if total + min(size, MAX_ENTRY_BYTES) > MAX_BAG_BYTES:
            kept["truncated"] = f"{len(entries) - len(kept)} more entries; at most {MAX_BAG_BYTES} bytes are kept"
            break
        if size > MAX_ENTRY_BYTES:
            kept[name] = f"[{size} bytes, over the limit of {MAX_ENTRY_BYTES}]"
        else:
            kept[name] = _plain(raw)
            total += size
    return kept


def _plain(raw: Raw) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"[{len(bytes(raw))} bytes that cannot be read]"


def nesting(data: bytes) -> int:
    """How deep the arrays and objects of valid JSON stand in each other."""
    depth = deepest = 0
    for token in _BRACKETS.finditer(data):
        if token[0] in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif token[0] in b"]}":
            depth -= 1
    return deepest


def is_nested_deeply(data: bytes) -> bool:
    """Whether it is deeper than MAX_NESTING: then nothing that walks through it can be sure to come back."""
    if len(data) <= 2 * MAX_NESTING or data.count(b"[") + data.count(b"{") <= MAX_NESTING:
        return False
    return nesting(data) > MAX_NESTING


def event_trim(*, payload: bytes, limit: int) -> bytes:
    """The event in at most `limit` bytes, itself when it fits. Raises TooLarge, naming it, when nothing helps."""
    if len(payload) <= limit:
        return payload
    try:
        parts = _parts.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as unreadable:
        raise _too_large(payload, limit) from unreadable
    gone: list[str] = []
    for name, cut in _CUTS:
        if _size(parts) <= limit - 1_000:  # the note below has its place too
            break
        before = bytes(getattr(parts, name))
        if before and (after := cut(before)) != before:
            setattr(parts, name, Raw(after) if after else _NOTHING)  # the default itself is left out of the JSON
            gone.append(name)
    what = f"; left out or cut: {', '.join(dict.fromkeys(gone))}" if gone else ""
    note = {"truncated": f"the event had {len(payload)} bytes, over the limit of {limit}{what}"}
    parts.extra = Raw(_encode(note)) if not parts.extra or "extra" in gone else parts.extra
    trimmed = _encode(parts)
    if len(trimmed) > limit:
        raise _too_large(payload, limit)
    return trimmed


def _too_large(payload: bytes, limit: int) -> TooLarge:
    return TooLarge(
        f"The event has {len(payload)} bytes; at most {limit} are taken, and it could not be shortened. "
        "Lower max_value_length or leave out large extra data."
    )


def _size(parts: _Parts) -> int:
    return sum(len(bytes(getattr(parts, name))) for name in _Parts.__struct_fields__)


def _drop(_: bytes) -> bytes:
    return b""


def _only(*names: str) -> Callable[[bytes], bytes]:
    """Keep these entries of an object, each within its limit."""

    def cut(data: bytes) -> bytes:
        try:
            entries = _bag.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return b""
        kept = {name: entries[name] for name in names if name in entries}
        return _encode({name: raw for name, raw in kept.items() if len(bytes(raw)) <= MAX_ENTRY_BYTES})

    return cut


def _text(data: bytes) -> bytes:
    """A string of at most MAX_TEXT_BYTES characters; another shape that is longer goes."""
    if len(data) <= MAX_TEXT_BYTES:
        return data
    try:
        return _encode(msgspec.json.decode(data, type=str)[: MAX_TEXT_BYTES // 4])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return b""


def _small(data: bytes) -> bytes:
    return data if len(data) <= MAX_TEXT_BYTES else b""


def _logentry(data: bytes) -> bytes:
    try:
        entries = _bag.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""
    cut = {name: Raw(_text(bytes(entries[name]))) for name in ("message", "formatted") if name in entries}
    return _encode({name: raw for name, raw in cut.items() if bytes(raw)})


def _stacks(data: bytes) -> bytes:
    """Exceptions or threads with slim frames: where, without source lines and variables, the middle left out."""
    if len(data) > MAX_STACKS_BYTES:
        return data
    try:
        return _encode(_slim(msgspec.json.decode(data)))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return b""


def _slim(value: Any) -> Any:
    if isinstance(value, list):
        return [_slim(entry) for entry in value[-MAX_FRAMES:]]
    if not isinstance(value, dict):
        return value
    if isinstance(value.get("values"), list):
        return {"values": _slim(value["values"])}
    slim = {name: value[name] for name in ("type", "module", "mechanism", "crashed", "current") if name in value}
    if "value" in value:
        slim["value"] = value["value"][:MAX_ENTRY_BYTES] if isinstance(value["value"], str) else None
    stacktrace = value.get("stacktrace")
    frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
    if isinstance(frames, list):
        if len(frames) > MAX_FRAMES:
            frames = frames[: MAX_FRAMES // 2] + frames[-MAX_FRAMES // 2 :]
        slim["stacktrace"] = {"frames": [_slim_frame(frame) for frame in frames if isinstance(frame, dict)]}
    return slim


def _slim_frame(frame: dict[str, Any]) -> dict[str, Any]:
    known = {name: frame[name] for name in _FRAME_FIELDS if name in frame}
    return {name: value[:500] if isinstance(value, str) else value for name, value in known.items()}


# In the order in which they are missed least.
_CUTS: tuple[tuple[str, Callable[[bytes], bytes]], ...] = (
    ("extra", _drop),
    ("breadcrumbs", _drop),
    ("contexts", _only("trace", "celery")),
    ("request", _only("method", "url", "headers")),
    ("threads", _stacks),
    ("exception", _stacks),
    ("message", _text),
    ("logentry", _logentry),
    ("user", _small),
    ("tags", _small),
    ("threads", _drop),
    ("fingerprint", _small),
    ("transaction", _small),
    ("logger", _small),
    ("sdk", _drop),
)
