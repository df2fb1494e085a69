"""What a chart says in words and rows: the text that stands for it."""

import json
from datetime import date

import pytest
from django.template.loader import render_to_string

from readiness.infra.trend import TrendChart, TrendSeries, day_label, day_labels, days_until, weeks_compared

CHART = TrendChart(
    title="Errors per day",
    sentence="none in the last two weeks",
    labels=("20 Nov", "21 Nov"),
    series=(TrendSeries("Errors", (3, None)),),
    unit="errors",
)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([30, *[0] * 6, 12, *[0] * 6], "fewer than the week before: 12 after 30"),
        ([9_000, *[0] * 14, 1_200], "more than the week before: 1,200 after 0"),
        ([4, *[0] * 6, 4, *[0] * 6], "as many as the week before: 4"),
        ([5, *[0] * 14], "none in the last two weeks"),
        ([], "none in the last two weeks"),
    ],
)
def test_it_compares_two_weeks(values: list[int], said: str) -> None:
    assert weeks_compared(values) == said


def test_it_names_days() -> None:
    assert [day_label(day) for day in days_until(date(2026, 3, 1), days=3)] == ["27 Feb", "28 Feb", "1 Mar"]


def test_today_is_not_over() -> None:
    today = date(2026, 3, 1)
    assert day_labels(days_until(today, days=2), today=today) == ("28 Feb", "Today so far")


def test_it_draws_no_line_of_zeros() -> None:
    idle = TrendChart(
        title="Errors",
        sentence="None in 13 whole days.",
        labels=("28 Feb", "1 Mar"),
        series=(TrendSeries("Errors", (0, None)),),
    )
    html = render_to_string("_partials/trend.html", {"chart": idle, "word": "Steady", "tone": "neutral"})
    assert "None in 13 whole days." in html
    assert "Steady</span>" in html
    assert "data-trend" not in html
    assert "<table" not in html


def test_it_says_everything_without_script() -> None:
    html = render_to_string("_partials/trend.html", {"chart": CHART})
    assert html.index('21 Nov</th><td class="num">—') < html.index('20 Nov</th><td class="num">3')
    assert "none in the last two weeks" in html
    assert "<svg" in html
    assert "style=" not in html


def test_its_table_reads_figures_as_people_write_them_and_escapes_what_a_bucket_is_called() -> None:
    chart = TrendChart(
        title="Ratio",
        sentence="",
        labels=("{0} & <b>", "1 Mar"),
        series=(TrendSeries("A", (1_204, 1e-05)), TrendSeries("B", (1_234.5, None))),
    )
    html = render_to_string("_partials/trend.html", {"chart": chart})
    assert '1 Mar</th><td class="num">0.00001</td><td class="num">—</td></tr>' in html
    assert '{0} &amp; &lt;b&gt;</th><td class="num">1,204</td><td class="num">1,234.5</td></tr>' in html


def test_it_hands_the_script_its_figures() -> None:
    payload = json.loads(CHART.payload)
    assert payload["labels"] == ["20 Nov", "21 Nov"]
    assert payload["series"] == [{"name": "Errors", "values": [3, None]}]
