"""A figure over time as pages show it: what `_partials/trend.html` draws, and the same in words and rows. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

WEEK = 7
UNDER_WAY = "Today so far"  # the label of a day that is not over: its figure is no fall


@dataclass(frozen=True, slots=True)
class TrendSeries:
    """One figure of each bucket, oldest first; None where there was nothing to measure."""

    name: str
    values: tuple[float | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendChart:
    """`labels`: what each bucket is called (`21 Nov`), oldest first. `sentence`: what the chart says, in a few words,
    read after the title. `unit` stands behind a figure: `errors`. `kind`: bars for counts, line for the rest.
    """

    title: str
    sentence: str
    labels: tuple[str, ...]
    series: tuple[TrendSeries, ...]
    unit: str = ""
    kind: str = "bars"

    @property
    def payload(self) -> str:
        """What static/js/trend.js reads."""
        return json.dumps(
            {
                "title": self.title,
                "unit": self.unit,
                "kind": self.kind,
                "labels": self.labels,
                "series": [{"name": series.name, "values": series.values} for series in self.series],
            }
        )

    @property
    def rows(self) -> list[tuple[str, list[float | None]]]:
        """(label, a value of each series), the newest first: the table beside the chart."""
        columns = [series.values for series in self.series]
        return [(label, [values[n] for values in columns]) for n, label in reversed(list(enumerate(self.labels)))]

    @property
    def drawn(self) -> bool:
        """There is more to draw than a line of zeros: where there is not, the sentence says all of it."""
        return any(value for series in self.series for value in series.values)

    @property
    def first_values(self) -> tuple[float | None, ...]:
        """The first series, for the bars that stand there until the script has drawn."""
        return self.series[0].values


def day_label(day: date) -> str:
    """`21 Nov`."""
    return f"{day.day} {day:%b}"


def day_labels(days: Sequence[date], *, today: date) -> tuple[str, ...]:
    """What each day's bucket is called; today's says that it is not over."""
    return tuple(UNDER_WAY if day == today else day_label(day) for day in days)


def days_until(today: date, *, days: int) -> list[date]:
    """So many days, oldest first, today the last of them."""
    return [today - timedelta(days=back) for back in range(days - 1, -1, -1)]


def weeks_compared(values: Sequence[int]) -> str:
    """The last seven days beside the seven before: `fewer than the week before: 12 after 30`."""
    now, before = sum(values[-WEEK:]), sum(values[-2 * WEEK : -WEEK])
    if now == before:
        return f"as many as the week before: {now:,}" if now else "none in the last two weeks"
    return f"{'fewer' if now < before else 'more'} than the week before: {now:,} after {before:,}"
