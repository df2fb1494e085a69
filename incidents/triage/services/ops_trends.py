"""OpsTrendMetric: a figure over time, the answer to "Is this getting better or worse?" (141). Pure."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

MAX_DAYS = 90
DEFAULT_DAYS = 14
HOURLY_UP_TO = 3  # days: a window that short is drawn by the hour
LEAST_POINTS = 8  # below this the test's normal approximation does not hold
Z_SIGNIFICANT = 1.96  # two-sided, 5 %

HourlyCounts = Mapping[datetime, tuple[float, float]]  # UTC hour → (numerator, denominator); the latter of a ratio only


class OpsTrendDirection(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    STEADY = "steady"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendDefinition:
    """What is drawn. `ratio`: a bucket is its numerators over its denominators, times `scale`, and one without any has
    no value; otherwise it is their sum. `lower_is_better` says what a rise means.
    """

    key: str
    title: str
    unit: str
    what: str
    lower_is_better: bool = True
    ratio: bool = False
    scale: float = 1.0


METRICS: tuple[TrendDefinition, ...] = (
    TrendDefinition(key="errors", title="Errors", unit="errors", what="Errors that were stored, of every severity."),
    TrendDefinition(
        key="unclassified_share",
        title="Unclassified errors",
        unit="%",
        what="Of the errors, those that no rule classifies.",
        ratio=True,
        scale=100.0,
    ),
    TrendDefinition(
        key="errors_lost",
        title="Errors not kept",
        unit="errors",
        what="Refused or only counted here, or dropped by an SDK before sending.",
    ),
    TrendDefinition(key="incidents_detected", title="New incidents", unit="incidents", what="Opened by a first error."),
    TrendDefinition(
        key="incidents_recurred",
        title="Recurrences",
        unit="incidents",
        what="Resolved incidents that happened again.",
    ),
    TrendDefinition(
        key="incidents_prevented",
        title="Incidents prevented",
        unit="incidents",
        what="Incidents whose controls were proven, so that they do not happen again.",
        lower_is_better=False,
    ),
    TrendDefinition(
        key="diagnosis_minutes",
        title="Time to diagnose",
        unit="minutes",
        what="From the first stored error to the root cause, on average of those diagnosed; 15 is the target.",
        ratio=True,
        scale=1 / 60,
    ),
)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One bucket: its beginning, its value (None: there was nothing to measure), and whether it is over."""

    at: datetime
    value: float | None
    complete: bool


@dataclass(frozen=True, slots=True)
class OpsTrendMetric:
    """A series and what it says. `slope`: units a bucket (trend_slope), None where the direction is unknown. `bucket`:
    how long each is.
    """

    definition: TrendDefinition
    bucket: timedelta
    points: tuple[TrendPoint, ...]
    direction: OpsTrendDirection
    slope: float | None
    why: str

    @property
    def values(self) -> list[float]:
        """What there is to draw, oldest first."""
        return [point.value for point in self.points if point.value is not None]


def metric_find(key: str) -> TrendDefinition | None:
    """The metric of that key."""
    return next((metric for metric in METRICS if metric.key == key), None)


def trend_bucket(*, days: int) -> timedelta:
    """How long a point of a window of so many days is: an hour up to HOURLY_UP_TO, else a UTC day."""
    return timedelta(hours=1) if days <= HOURLY_UP_TO else timedelta(days=1)


def trend_since(*, days: int, now: datetime) -> datetime:
    """The first moment of a window that ends now: the begin of its first bucket, so that it is whole."""
    if trend_bucket(days=days) == timedelta(hours=1):
        return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=days * 24 - 1)
    return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)


def trend_read(
    *, definition: TrendDefinition, counts: HourlyCounts, days: int, now: datetime, known_since: datetime | None
) -> OpsTrendMetric:
    """Hourly counts as a series and its direction. What lies before `known_since` is no zero: it has no point. The
    bucket under way is shown and left out of the direction.
    """
    bucket, points = trend_bucket(days=days), _points(definition, counts, days, now, known_since)
    measured = [point.value for point in points if point.complete and point.value is not None]
    direction = trend_direction(measured, lower_is_better=definition.lower_is_better)
    slope = None if direction is OpsTrendDirection.UNKNOWN else round(trend_slope(measured), 3)
    return OpsTrendMetric(definition, bucket, points, direction, slope, _why(direction, measured, definition, bucket))


def _points(
    definition: TrendDefinition, counts: HourlyCounts, days: int, now: datetime, known_since: datetime | None
) -> tuple[TrendPoint, ...]:
    bucket, since = trend_bucket(days=days), trend_since(days=days, now=now)
    if known_since is None:
        return ()
    above: dict[datetime, float] = defaultdict(float)
    below: dict[datetime, float] = defaultdict(float)
    for hour, (numerator, denominator) in counts.items():
        begin = since + ((hour - since) // bucket) * bucket
        above[begin] += numerator
        below[begin] += denominator
    begins = [since + step * bucket for step in range((now - since) // bucket + 1)]
    return tuple(
        TrendPoint(begin, _value(definition, above[begin], below[begin]), complete=begin + bucket <= now)
        for begin in begins
        if begin + bucket > known_since
    )


def _value(definition: TrendDefinition, above: float, below: float) -> float | None:
    if not definition.ratio:
        return above * definition.scale
    return round(above / below * definition.scale, 2) if below else None


def trend_z(values: Sequence[float]) -> float:
    """The Mann–Kendall statistic Z of a series: positive when it rises (Mann, Econometrica 13, 1945; Kendall, Rank
    Correlation Methods, 1975). S counts the pairs that rise less those that fall; its variance is corrected for ties,
    and S by one for continuity. It asks nothing of the distribution, so that one bad day makes no trend; it takes the
    buckets as independent.
    """
    n = len(values)
    score = sum((values[j] > values[i]) - (values[j] < values[i]) for i in range(n) for j in range(i + 1, n))
    ties = sum(t * (t - 1) * (2 * t + 5) for t in Counter(values).values())
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    if variance <= 0 or score == 0:
        return 0.0
    return (score - math.copysign(1, score)) / math.sqrt(variance)


def trend_slope(values: Sequence[float]) -> float:
    """The median slope of all pairs, in units a bucket (Theil 1950; Sen, JASA 63, 1968); 0 for fewer than two."""
    slopes = [(values[j] - values[i]) / (j - i) for i in range(len(values)) for j in range(i + 1, len(values))]
    return median(slopes) if slopes else 0.0


def trend_direction(values: Sequence[float], *, lower_is_better: bool) -> OpsTrendDirection:
    """Better or worse where the Mann–Kendall test (trend_z) sees a trend at 5 %, else steady; unknown below
    LEAST_POINTS.
    """
    if len(values) < LEAST_POINTS:
        return OpsTrendDirection.UNKNOWN
    z = trend_z(values)
    if abs(z) < Z_SIGNIFICANT:
        return OpsTrendDirection.STEADY
    return OpsTrendDirection.BETTER if (z < 0) == lower_is_better else OpsTrendDirection.WORSE


def _why(direction: OpsTrendDirection, values: Sequence[float], definition: TrendDefinition, bucket: timedelta) -> str:
    name = "hour" if bucket == timedelta(hours=1) else "day"
    if direction is OpsTrendDirection.UNKNOWN:
        seen = f"{len(values)} whole {name}{'' if len(values) == 1 else 's'}"
        return f"{seen} with figures so far; a direction needs {LEAST_POINTS}."
    if not any(values):
        return f"None in {len(values)} whole {name}s."
    half = len(values) // 2
    before, after = (sum(part) / len(part) for part in (values[:half], values[half:]))
    unit = definition.unit if definition.unit == "%" else f" {definition.unit}"
    each = "" if definition.ratio else f" a {name}"
    words = f"{_figure(before)}{unit}{each} in the first half, {_figure(after)}{unit}{each} in the second"
    return f"{words}: no more than chance." if direction is OpsTrendDirection.STEADY else f"{words}."


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
