"""Geometry of the console's small plots, for the partials score_bar, sparkline, trend and waterfall.

Widths are SVG attributes in percent of the drawing, because the content security policy forbids inline style.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from django import template
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.html import format_html
from django.utils.safestring import SafeString

from readiness.infra.trend import TrendChart

register = template.Library()

NEAR_PERCENT = 9.0  # two labels of five figures collide on a phone when closer than this
CLOSE_PERCENT, NUDGE = 14.0, 4  # and touch when closer than this, unless each gives way by so many pixels
SPARK_HEIGHT = 40
SPARK_STEP = 4
NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"


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
class Label:
    """A figure under the bar: at which percent, how it is anchored there, and its shift in pixels."""

    text: str
    at: float
    anchor: str
    shift: int = 0


@dataclass(frozen=True, slots=True)
class ScoreBar:
    """What score_bar.html draws; positions in percent of the bar, `text` says all of it in words."""

    score_at: float
    labels: list[Label]
    threshold_at: float | None
    gains: list[Gain]
    text: str
    clip_id: str


def _label(text: str, at: float) -> Label:
    return Label(text, at, "start" if at < 6 else "end" if at > 94 else "middle")


def _labels(score: str, score_at: float, threshold: str, threshold_at: float | None) -> list[Label]:
    """Score and threshold under their places; close together they lean apart, and at an edge they share one label."""
    if threshold_at is None or threshold_at == score_at:
        return [_label(score, score_at)]
    low, high = sorted(((score_at, score), (threshold_at, threshold)))
    if high[0] - low[0] >= NEAR_PERCENT:
        nudge = NUDGE if high[0] - low[0] < CLOSE_PERCENT else 0
        return [replace(_label(low[1], low[0]), shift=-nudge), replace(_label(high[1], high[0]), shift=nudge)]
    if low[0] < NEAR_PERCENT or high[0] > 100 - NEAR_PERCENT:
        return [_label(f"{low[1]} · {high[1]}", 0.0 if low[0] < NEAR_PERCENT else 100.0)]
    return [Label(low[1], low[0], "end", -2), Label(high[1], high[0], "start", 2)]


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
    labels = _labels(str(score), score_at, str(threshold), threshold_at)
    return ScoreBar(score_at, labels, threshold_at, gains, text, f"bar-{uuid.uuid4().hex[:8]}")


@dataclass(frozen=True, slots=True)
class Sparkline:
    """What sparkline.html draws: the bars as one path and the highest as another, so that many bars cost what one
    does; `width` is that of its viewBox, `text` says it in words. `idle`: nothing but zeros.
    """

    width: int
    bars: str
    peaks: str
    text: str
    idle: bool = False


@register.simple_tag
def sparkline_geometry(values: Sequence[float] | None) -> Sparkline:
    """Bars from 0 to the highest value, which is marked; `text` says range, peak and latest in words."""
    numbers = [max(_number(value), 0.0) for value in values or ()]
    if not numbers:
        return Sparkline(SPARK_STEP, "", "", "no data yet")
    peak = max(numbers)
    bars: tuple[list[str], list[str]] = ([], [])
    for index, number in enumerate(numbers):
        height = round(number / peak * SPARK_HEIGHT, 2) if peak else 0.0
        top = SPARK_HEIGHT - max(height, 1.0)  # a zero is a line on the ground, not a hole
        bars[number == peak > 0].append(
            f"M{index * SPARK_STEP} {SPARK_HEIGHT}V{top:g}h{SPARK_STEP - 1}V{SPARK_HEIGHT}z"
        )
    text = f"{len(numbers)} values, lowest {min(numbers):g}, highest {peak:g}, latest {numbers[-1]:g}"
    return Sparkline(len(numbers) * SPARK_STEP - 1, "".join(bars[False]), "".join(bars[True]), text, idle=not peak)


@register.simple_tag
def trend_rows(chart: TrendChart) -> SafeString:
    """The table beside a chart, in one go: in a template each cell would cost a dozen look-ups. Its figures are a part
    of the pattern, as digits need no escaping: only the labels do.
    """
    rows = chart.rows
    pattern = "".join(f'<tr><th scope="row">{{}}</th>{"".join(map(_figure_cell, values))}</tr>' for _, values in rows)
    return format_html(pattern, *(label for label, _ in rows))


def _figure_cell(value: float | None) -> str:
    if value is None:
        return '<td class="num">—</td>'
    return f'<td class="num">{f"{value:,}" if isinstance(value, int) else intcomma(value)}</td>'


@dataclass(frozen=True, slots=True)
class Lane:
    """One span of a waterfall: where it starts and how wide, in percent; its duration in words. `depth` is 0 for the
    outermost; `here`: what the page is about happened in it.
    """

    name: str
    at: float
    width: float
    duration: str
    failed: bool
    service: str = ""
    depth: int = 0
    here: bool = False


def _milliseconds(length: float) -> str:
    return f"{length:,.1f} ms" if 0 < length < 10 else f"{length:,.0f} ms".replace(",", NARROW_SPACE)


@register.simple_tag
def waterfall_geometry(spans: Iterable[object] | None) -> list[Lane]:
    """Spans (`name`, `start_ms`, `duration_ms`, `failed`; `service`, `depth`, `here` where they have them) on one scale
    from the earliest start to the latest end.
    """
    rows = [(span, _number(_field(span, "start_ms")), _number(_field(span, "duration_ms"))) for span in spans or ()]
    if not rows:
        return []
    first = min(start for _, start, _ in rows)
    whole = max(start + length for _, start, length in rows) - first
    return [
        Lane(
            name=str(_field(span, "name", "")),
            at=min(_percent(start - first, whole), 99.0),
            width=max(_percent(length, whole), 1.0),
            duration=_milliseconds(length),
            failed=bool(_field(span, "failed", False)),
            service=str(_field(span, "service", "") or ""),
            depth=int(_number(_field(span, "depth"))),
            here=bool(_field(span, "here", False)),
        )
        for span, start, length in rows
    ]
