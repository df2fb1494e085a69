"""Client reports: what the SDK itself dropped, by reason, so that nobody takes silence for health."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

MAX_PAYLOAD = 100 * 1024
MAX_REASONS = 50
MAX_QUANTITY = 10**9
_CATEGORIES = frozenset({"error", "default", "security", "feedback", "monitor"})
# The reasons of the protocol (develop.sentry.dev, client reports), in a founder's words. What is not among them counts
# as `other`: a public key must not be able to fill a table with reasons of its own.
REASONS: dict[str, str] = {
    "queue_overflow": "the SDK's queue was full",
    "cache_overflow": "its offline cache was full",
    "buffer_overflow": "its buffer was full",
    "ratelimit_backoff": "it was told to hold back",
    "network_error": "the console could not be reached",
    "send_error": "the console refused them",
    "internal_sdk_error": "the SDK itself failed",
    "no_parent_span": "no span to put them under",
    "insufficient_data": "too little was known",
    "backpressure": "the program was overloaded",
    "sample_rate": "sampled out by its sample_rate",
    "before_send": "its before_send hook said no",
    "event_processor": "an event processor said no",
    "ignored": "its ignore list said no",
    "invalid": "they were invalid",
    "too_big": "they were too large",
    "other": "another reason",
}
# What the program's own settings ask for; everything else is a loss that somebody should look at.
WANTED = frozenset({"sample_rate", "before_send", "event_processor", "ignored"})


@dataclass(frozen=True, slots=True)
class DropLine:
    """Errors of one reason that never left the program. `wanted`: its own settings asked for it."""

    reason: str
    words: str
    quantity: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class SdkDrops:
    """What SDKs dropped in a window: `lost` against their will, `lines` the most frequent reason first."""

    lost: int
    wanted: int
    lines: tuple[DropLine, ...]

    @property
    def total(self) -> int:
        return self.lost + self.wanted


def client_report_read(payload: bytes) -> list[tuple[str, str, int]]:
    """(category, reason, quantity) of dropped errors; what cannot be read of a report reports nothing."""
    if len(payload) > MAX_PAYLOAD:
        return []
    try:
        report = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return []
    entries = report.get("discarded_events") if isinstance(report, dict) else None
    if not isinstance(entries, list):
        return []
    return [drop for entry in entries[:MAX_REASONS] if (drop := _drop(entry))]


def _drop(entry: Any) -> tuple[str, str, int] | None:
    if not isinstance(entry, dict):
        return None
    category, reason, quantity = entry.get("category", "default"), entry.get("reason"), entry.get("quantity")
    if not isinstance(quantity, int | float) or isinstance(quantity, bool) or not 1 <= quantity < float("inf"):
        return None
    if not isinstance(category, str) or category not in _CATEGORIES:
        return None
    known = reason if isinstance(reason, str) and reason in REASONS else "other"
    return category, known, min(int(quantity), MAX_QUANTITY)


def drops_summarise(counts: Iterable[tuple[str, int]]) -> SdkDrops:
    """(reason, quantity) pairs as founders read them."""
    totals: dict[str, int] = {}
    for reason, quantity in counts:
        totals[reason] = totals.get(reason, 0) + quantity
    lines = tuple(
        DropLine(reason, REASONS.get(reason, reason.replace("_", " ")), quantity, reason in WANTED)
        for reason, quantity in sorted(totals.items(), key=lambda item: (-item[1], item[0]))
        if quantity
    )
    wanted = sum(line.quantity for line in lines if line.wanted)
    return SdkDrops(lost=sum(line.quantity for line in lines) - wanted, wanted=wanted, lines=lines)
