"""Sentry envelopes: a header line, then items of a header line and a payload (develop.sentry.dev, envelopes).

LF only. An item with `length` ends after so many bytes and a newline or the end; one without ends at the newline. SDKs
err, and new kinds of items come every year: whatever cannot be read is passed over, so that the error behind it counts.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from readiness.infra.refusals import Malformed

MAX_ITEMS = 200
MAX_HEADER_BYTES = 65_536
MAX_LINES_PASSED = 1_000
# What is taken out of an envelope; a length that is wrong about one of these may have cut it off.
TAKEN = frozenset({"event", "client_report", "user_report", "feedback", "check_in"})
_header = msgspec.json.Decoder(dict[str, Any])
_something = re.compile(rb"[^\n]")


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type (`event`, `client_report`, … or empty) and its payload as sent."""

    type: str
    payload: bytes


def _json_line(line: bytes, what: str) -> dict[str, Any]:
    if len(line) > MAX_HEADER_BYTES:  # hostile JSON costs a few hundred bytes of memory a byte
        raise Malformed(f"The envelope's {what} has {len(line)} bytes; at most {MAX_HEADER_BYTES} are read.")
    try:
        return _header.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as broken:
        raise Malformed(f"The envelope's {what} is not a JSON object: {str(broken)[:200]}.") from broken


def _length(value: Any) -> int | None:
    """The payload's length in bytes where the item header tells one: also as `"12"` or `12.0`."""
    if type(value) is int:
        return value if value >= 0 else None
    if isinstance(value, str) and len(value) < 12 and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and 0 <= value < 2**40 and value.is_integer():
        return int(value)
    return None


def _line_end(body: bytes, at: int) -> int:
    end = body.find(b"\n", at)
    return len(body) if end < 0 else end


def _payload_end(body: bytes, start: int, item_type: str, length: int | None, number: int) -> int:
    """Where the payload ends. Raises Malformed when an item that matters says more bytes than there are."""
    if length is None:
        return _line_end(body, start)
    stop = start + length
    if stop > len(body):
        if item_type in TAKEN:
            raise Malformed(f"Item {number} says {length} bytes and {len(body) - start} are there; it was cut off.")
        return _line_end(body, start)
    # An SDK that counted characters instead of bytes says too little: the payload goes on to the newline.
    return stop if body[stop : stop + 1] in (b"\n", b"") else _line_end(body, stop)


def envelope_parse(*, body: bytes) -> tuple[dict[str, Any], list[Item]]:
    """(envelope header, items). An envelope without items is valid; a line that is no item header is passed over.

    Raises Malformed, naming the place, when the envelope's header or its first item cannot be read, or when an item
    that is to be kept was cut off.
    """
    end = _line_end(body, 0)
    header = _json_line(body[:end], "header line")
    items: list[Item] = []
    at, passed = end + 1, 0
    while at < len(body):
        if body[at : at + 1] == b"\n":  # trailing or doubled newlines are harmless
            more = _something.search(body, at)
            if more is None:
                break
            at = more.start()
        if len(items) == MAX_ITEMS:
            raise Malformed(f"The envelope has more than {MAX_ITEMS} items; split it.")
        end = _line_end(body, at)
        try:
            head = _json_line(body[at:end], f"item header {len(items) + 1}")
        except Malformed:
            passed += 1
            if not items or passed > MAX_LINES_PASSED:
                raise
            at = end + 1
            continue
        start = min(end + 1, len(body))
        item_type = head.get("type")
        item_type = item_type if isinstance(item_type, str) else ""
        stop = _payload_end(body, start, item_type, _length(head.get("length")), len(items) + 1)
        items.append(Item(item_type, body[start:stop]))
        at = stop + 1
    return header, items
