"""Sentry envelopes: a header line, then items of a header line and a payload (develop.sentry.dev, envelopes).

LF only. An item with `length` ends after so many bytes and a newline or the end; one without ends at the newline.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from readiness.infra.refusals import Malformed

MAX_ITEMS = 200
_header = msgspec.json.Decoder(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Item:
    """One item: its type (`event`, `client_report`, …) and its payload as sent."""

    type: str
    payload: bytes


def _json_line(line: bytes, what: str) -> dict[str, Any]:
    try:
        return _header.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as broken:
        raise Malformed(f"The envelope's {what} is not a JSON object: {str(broken)[:200]}.") from broken


def envelope_parse(*, body: bytes) -> tuple[dict[str, Any], list[Item]]:
    """(envelope header, items). An envelope without items is valid. Raises Malformed, naming the place."""
    end = body.find(b"\n")
    header = _json_line(body if end < 0 else body[:end], "header line")
    items: list[Item] = []
    at = len(body) if end < 0 else end + 1
    while at < len(body):
        if body[at : at + 1] == b"\n":  # trailing or doubled newlines are harmless
            at += 1
            continue
        if len(items) == MAX_ITEMS:
            raise Malformed(f"The envelope has more than {MAX_ITEMS} items; split it.")
        end = body.find(b"\n", at)
        if end < 0:
            end = len(body)
        item = _json_line(body[at:end], f"item header {len(items) + 1}")
        start = min(end + 1, len(body))
        length = item.get("length")
        if isinstance(length, int) and not isinstance(length, bool) and length >= 0:
            stop = start + length
            if stop > len(body):
                raise Malformed(
                    f"Item {len(items) + 1} says {length} bytes and {len(body) - start} are there; it was cut off."
                )
            if stop < len(body) and body[stop : stop + 1] != b"\n":
                raise Malformed(f"Item {len(items) + 1} goes on after its length of {length} bytes.")
        else:
            stop = body.find(b"\n", start)
            if stop < 0:
                stop = len(body)
        items.append(Item(type=str(item.get("type", "")), payload=body[start:stop]))
        at = stop + 1
    return header, items
