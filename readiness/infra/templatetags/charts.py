"""Geometry of the console's small plots, for the partials score_bar, sparkline and waterfall.

Widths are SVG attributes in percent of the drawing, because the content security policy forbids inline style.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django import template

register = template.Library()

NEAR_PERCENT = 9.0  # two labels of five figures collide on a phone when closer than this
SPARK_HEIGHT = 40
SPARK_STEP = 4


def _field(item: object, name: str, default: object = None) -> object:
    return item.get(name, default) if isinstance(item, Mapping) else getattr(item, name, default)


def _number(value: object) -> float:
    return float(str(value)) if value not in (None, "") else 0.0


def _percent(value: float, whole: float) -> float:
    return round(min(max(value / whole * 100, 0.0), 100.0), 3) if whole > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Gain:
    """One step of the way to the threshold, drawn behind the score: where it starts and how wide, in percent."""

    at: float
    width: float
    text: str
    alternate: bool


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """What score_bar.html draws; positions in percent of the bar, `text` says all of it in words."""

    score: str
    score_at: float
    score_anchor: str
    threshold: str
    threshold_at: float | None
    threshold_anchor: str
    threshold_apart: bool
    gains: list[Gain]
    text: str
    clip_id: str


def _anchor(at: float) -> str:
    return "start" if at < 6 else "end" if at > 94 else "middle"


def _gains(segments: Iterable[object], start: float, whole: float) -> list[Gain]:
    gains: list[Gain] = []
    for index, segment in enumerate(segments):
        points = _number(_field(segment, "points"))
        name = str(_field(segment, "text") or _field(segment, "category") or "gain")
        at = _percent(start, whole)
        width = round(_percent(start + points, whole) - at, 3)
        gains.append(Gain(at, width, f"{name}: +{_field(segment, 'points')}", index % 2 == 1))
        start += points
    return gains


@register.simple_tag
def score_bar_geometry(
    score: Decimal | str, threshold: Decimal | str | None, segments: Sequence[object] = (), maximum: object = None
) -> ScoreBar:
    """Positions for a score on the way to its threshold. `segments` have `points` and `text` (or `category`)."""
    whole = _number(maximum) or 100.0
    score_at = _percent(_number(score), whole)
    gains = _gains(segments or (), _number(score), whole)
    text = f"{score} of {threshold} needed" if threshold not in (None, "") else f"{score} of {whole:g}"
    if gains:
        text += "; the way there: " + ", ".join(gain.text for gain in gains)
    threshold_at = _percent(_number(threshold), whole) if threshold not in (None, "") else None
    distance = abs((threshold_at or 0.0) - score_at) if threshold_at is not None else 100.0
    score_anchor, threshold_anchor = _anchor(score_at), _anchor(threshold_at or 0.0)
    if distance < NEAR_PERCENT and threshold_at is not None:
        before = score_at <= threshold_at
        score_anchor, threshold_anchor = ("end", "start") if before else ("start", "end")
    return ScoreBar(
        str(score), score_at, score_anchor, str(threshold), threshold_at, threshold_anchor,
        distance > 0.01, gains, text, f"bar-{uuid.uuid4().hex[:8]}",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class SparkBar:
    """One bar of a sparkline in the units of its viewBox."""

    x: float
    y: float
    width: float
    height: float
    peak: bool


@register.simple_tag
def sparkline_geometry(values: Sequence[float] | None) -> dict[str, object]:
    """Bars from 0 to the highest value, the latest peak marked; `text` says range, peak and latest in words."""
    numbers = [max(_number(value), 0.0) for value in values or ()]
    if not numbers:
        return {"width": SPARK_STEP, "bars": [], "text": "no data yet"}
    peak = max(numbers)
    bars = []
    for index, number in enumerate(numbers):
        height = round(number / peak * SPARK_HEIGHT, 2) if peak else 0.0
        height = max(height, 1.0)  # a zero is a line on the ground, not a hole
        bars.append(SparkBar(index * SPARK_STEP, SPARK_HEIGHT - height, SPARK_STEP - 1, height, number == peak > 0))
    text = f"{len(numbers)} values, lowest {min(numbers):g}, highest {peak:g}, latest {numbers[-1]:g}"
    return {"width": len(numbers) * SPARK_STEP - 1, "bars": bars, "text": text}


@dataclass(frozen=True, slots=True)
class Lane:
    """One span of a waterfall: where it starts and how wide, in percent; its duration in words."""

    name: str
    at: float
    width: float
    duration: str
    failed: bool


@register.simple_tag
def waterfall_geometry(spans: Iterable[object] | None) -> list[Lane]:
    """Spans (`name`, `start_ms`, `duration_ms`, `failed`) on one scale from the earliest start to the latest end."""
    rows = [
        (str(_field(span, "name", "")), _number(_field(span, "start_ms")), _number(_field(span, "duration_ms")),
         bool(_field(span, "failed", False)))
        for span in spans or ()
    ]  # fmt: skip
    if not rows:
        return []
    first = min(start for _, start, _, _ in rows)
    whole = max(start + length for _, start, length, _ in rows) - first
    return [
        Lane(name, min(_percent(start - first, whole), 99.0), max(_percent(length, whole), 1.0),
             f"{length:,.0f} ms".replace(",", " "), failed)
        for name, start, length, failed in rows
    ]  # fmt: skip
