"""Client reports: what the SDK itself dropped, by reason, so that nobody takes silence for health."""

import msgspec
from msgspec import Struct

MAX_REASONS = 50


class _Discarded(Struct):
    reason: str = "unknown"
    category: str = "default"
    quantity: int = 0


class _Report(Struct):
    discarded_events: list[_Discarded] = []


_decoder = msgspec.json.Decoder(_Report)
_CATEGORIES = frozenset({"error", "default", "security", "feedback"})


def client_report_read(payload: bytes) -> list[tuple[str, str, int]]:
    """(category, reason, quantity) of dropped errors; a report that cannot be read reports nothing."""
    try:
        report = _decoder.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    return [
        (entry.category, entry.reason.replace("\x00", ""), min(entry.quantity, 10**9))
        for entry in report.discarded_events[:MAX_REASONS]
        if entry.category in _CATEGORIES and entry.quantity > 0
    ]
