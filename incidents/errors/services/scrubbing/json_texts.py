"""Encoded JSON, a line for each part: where in it something could be, which texts it holds, and changing them."""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from incidents.errors.services.sentry_events import json_loose
from incidents.errors.services.trimming import bag_trim

Change = Callable[[str], str]
_encoder = msgspec.json.Encoder()
_decode = msgspec.json.decode


def lines_hit(pattern: Any, blob: bytes) -> list[int]:
    """The numbers of the lines in which the pattern matches, in order."""
    hit: list[int] = []
    at = line = counted = 0
    while (match := pattern.search(blob, at)) is not None:
        start = match.start()
        # A match may begin with the line's edge itself: it belongs to the line in which it goes on.
        start += blob[start : start + 1] == b"\n"
        line += blob.count(b"\n", counted, start)
        counted = start
        hit.append(line)
        at = blob.find(b"\n", start)
        if at < 0:
            break
    return hit


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from texts_of(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item)


def texts_change(value: Any, change: Change) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(str(name)): texts_change(item, change) for name, item in value.items()}
    if isinstance(value, list):
        return [texts_change(item, change) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**7:
        changed = change(str(value))
        return value if changed == str(value) else changed
    return value


def decoded(data: bytes) -> Any:
    try:
        return _decode(data) if data else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # a number beyond every bound, or what is no UTF-8: secrets are still found by their names
    try:
        return json_loose(data)
    except (ValueError, RecursionError):
        return data.decode("utf-8", "replace")


def without_nul(text: str) -> str:
    return text.replace("\x00", "")


def written_plainly(line: bytes) -> bytes:
    """The JSON as we write it: nothing spelt out that need not be (`\\u0070`, `\\/`), on one line, without NUL."""
    if b"\\u" not in line and b"\\/" not in line and b"\n" not in line:
        return line
    return _encoder.encode(texts_change(decoded(line), without_nul))


def line_cut(line: bytes) -> bytes:
    cut = bag_trim(line)
    return line if cut is None else _encoder.encode(cut)
