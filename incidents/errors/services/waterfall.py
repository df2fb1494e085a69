"""A trace as a waterfall: its spans as a tree in order of time, bounded, with the one in which the error was raised.

No span begins before the one that called it: where it says so, its service's clock is behind, and it is drawn in the
middle of its caller (or from its begin, when it is longer), with all below it, as Jaeger does; the page says so.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

SHOWN = 40
DEEPEST = 6
_MS = timedelta(milliseconds=1)
_NONE = timedelta()


class StoredSpan(Protocol):
    """What the waterfall reads of a stored span."""

    span_id: str
    parent_span_id: str
    name: str
    component: str
    kind: str
    status: str
    started_at: datetime
    duration_us: int
    attributes: Any


@dataclass(frozen=True, slots=True)
class WaterfallSpan:
    """One line. `start_ms` counts from the earliest span; `here`: the error was raised in it. `depth` is 0 for the
    outermost. `facts`: its attributes as text.
    """

    name: str
    service: str
    start_ms: float
    duration_ms: float
    depth: int
    failed: bool
    here: bool
    said: str
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Waterfall:
    """`spans` in reading order; `more`: how many others there are; `services`: how many took part; `clocks_behind`:
    services and by how many milliseconds at most their spans are drawn later than they said; `callers_missing`:
    spans whose caller is not among them.
    """

    spans: Sequence[WaterfallSpan] = field(default_factory=tuple)
    more: int = 0
    services: int = 0
    duration_ms: float = 0.0
    clocks_behind: Sequence[tuple[str, int]] = ()
    callers_missing: int = 0

    @property
    def total(self) -> int:
        return len(self.spans) + self.more


def waterfall_build(*, spans: Sequence[StoredSpan], span_id: str | None, limit: int = SHOWN) -> Waterfall:
    """The waterfall of one trace. Of more than `limit` spans those stay that failed, what is above them, and the
    longest of the others.
    """
    if not spans:
        return Waterfall()
    by_id = {span.span_id: span for span in spans}
    ordered = _tree(spans, by_id)
    behind = _behind([span for span, _ in ordered], by_id)
    starts = {span.span_id: span.started_at + behind.get(span.span_id, _NONE) for span in spans}
    chosen = _chosen([span for span, _ in ordered], by_id, span_id=span_id or "", limit=limit)
    first = min(starts.values())
    last = max(starts[span.span_id] + timedelta(microseconds=span.duration_us) for span in spans)
    clocks: dict[str, int] = {}
    for span in spans:
        if moved := round(behind.get(span.span_id, _NONE) / _MS):
            clocks[span.component] = max(moved, clocks.get(span.component, 0))
    return Waterfall(
        spans=[
            _line(span, depth, starts[span.span_id] - first, here=span.span_id == span_id)
            for span, depth in ordered
            if span.span_id in chosen
        ],
        more=len(spans) - len(chosen),
        services=len({span.component for span in spans}),
        duration_ms=(last - first) / _MS,
        clocks_behind=tuple(clocks.items()),
        callers_missing=sum(bool(span.parent_span_id) and span.parent_span_id not in by_id for span in spans),
    )


def _tree(spans: Sequence[StoredSpan], by_id: dict[str, StoredSpan]) -> list[tuple[StoredSpan, int]]:
    """(span, depth), each after the one above it, those beside each other by time. A span whose parent is unknown, or
    below itself, stands outermost.
    """
    below: dict[str, list[StoredSpan]] = {}
    for span in sorted(spans, key=lambda span: (span.started_at, -span.duration_us)):
        parent = span.parent_span_id if span.parent_span_id in by_id and span.parent_span_id != span.span_id else ""
        below.setdefault(parent, []).append(span)
    ordered: list[tuple[StoredSpan, int]] = []
    seen: set[str] = set()
    for start in [*below.get("", ()), *spans]:  # the second part finds only what hangs below itself
        waiting = [(start, 0)]
        while waiting:
            span, depth = waiting.pop()
            if span.span_id in seen:
                continue
            seen.add(span.span_id)
            ordered.append((span, depth))
            waiting += [(child, depth + 1) for child in reversed(below.get(span.span_id, ()))]
    return ordered


def _behind(ordered: Sequence[StoredSpan], by_id: dict[str, StoredSpan]) -> dict[str, timedelta]:
    """span → by how much later it is drawn. `ordered`: each after the one above it. Only where the service changes: one
    machine's clock agrees with itself, and what it says is left as it is.
    """
    behind: dict[str, timedelta] = {}
    for span in ordered:
        above = by_id.get(span.parent_span_id)
        if above is None:
            continue
        inherited = behind.get(above.span_id, _NONE)
        if above.component == span.component:
            moved = inherited
        else:
            early = above.started_at + inherited - span.started_at
            room = max(above.duration_us - span.duration_us, 0)
            moved = early + timedelta(microseconds=room // 2) if early > _NONE else _NONE
        if moved:
            behind[span.span_id] = moved
    return behind


def _chosen(spans: Sequence[StoredSpan], by_id: dict[str, StoredSpan], *, span_id: str, limit: int) -> Collection[str]:
    if len(spans) <= limit:
        return by_id.keys()
    chosen: dict[str, None] = {}
    telling = [by_id[span_id]] if span_id in by_id else []
    telling += [span for span in spans if span.status == "error"]
    for span in telling:
        path: dict[str, None] = {}
        at: StoredSpan | None = span
        while at is not None and at.span_id not in chosen and at.span_id not in path:
            path[at.span_id] = None
            at = by_id.get(at.parent_span_id)
        chosen |= _ends(list(path), limit - len(chosen))
    for span in sorted(spans, key=lambda span: -span.duration_us):
        if len(chosen) >= limit:
            break
        chosen[span.span_id] = None
    return chosen


def _ends(path: list[str], room: int) -> dict[str, None]:
    """Of a path from the inside out, what there is room for: two thirds from the inside, the rest from the top."""
    if len(path) > room:
        top = room // 3
        path = path[: room - top] + path[len(path) - top :]
    return dict.fromkeys(path)


def _line(span: StoredSpan, depth: int, after: timedelta, *, here: bool) -> WaterfallSpan:
    attributes = span.attributes if isinstance(span.attributes, dict) else {}
    told = {name: str(value) for name, value in attributes.items()}
    return WaterfallSpan(
        name=span.name or span.kind,
        service=span.component,
        start_ms=after / _MS,
        duration_ms=span.duration_us / 1_000,
        depth=min(depth, DEEPEST),
        failed=span.status == "error",
        here=here,
        said=told.pop("exception", "") or told.pop("status", ""),
        facts=tuple((name, value) for name, value in told.items() if name != "status"),
    )
