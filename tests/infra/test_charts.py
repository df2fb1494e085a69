"""Geometry of the small plots, and the words that stand for them."""

from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from readiness.infra.templatetags.charts import score_bar_geometry, sparkline_geometry, waterfall_geometry

UPLIFT = [{"category": "Measurement", "points": "5.00"}, {"category": "Reliability", "points": "6.25"}]


def test_it_draws_the_way_to_the_threshold() -> None:
    bar = score_bar_geometry("68.75", "80.00", UPLIFT)
    assert (bar.score_at, bar.threshold_at) == (68.75, 80.0)
    assert [(gain.at, gain.width) for gain in bar.gains] == [(68.75, 5.0), (73.75, 6.25)]
    assert bar.text == "68.75 of 80.00 needed; the way there: Measurement: +5.00, Reliability: +6.25"


def test_it_labels_score_and_threshold_where_they_are() -> None:
    labels = score_bar_geometry("68.75", "80.00").labels
    assert [(label.text, label.at, label.anchor) for label in labels] == [
        ("68.75", 68.75, "middle"),
        ("80.00", 80.0, "middle"),
    ]
    assert [label.shift for label in labels] == [-4, 4]  # side by side on a phone without touching
    assert [label.shift for label in score_bar_geometry("40", "80").labels] == [0, 0]


def test_it_leans_close_labels_apart() -> None:
    labels = score_bar_geometry("81.00", "80.00").labels
    assert [(label.text, label.anchor) for label in labels] == [("80.00", "end"), ("81.00", "start")]


def test_it_shares_one_label_at_an_edge() -> None:
    assert [label.text for label in score_bar_geometry("0", "3").labels] == ["0 · 3"]
    assert [label.text for label in score_bar_geometry("100.00", "98.00").labels] == ["98.00 · 100.00"]


def test_it_shows_one_label_when_the_threshold_is_met_exactly() -> None:
    assert [label.text for label in score_bar_geometry("80.00", "80.00").labels] == ["80.00"]


def test_it_draws_a_score_without_a_threshold() -> None:
    bar = score_bar_geometry("68.75", None)
    assert (bar.threshold_at, bar.text) == (None, "68.75 of 100")


def test_it_measures_against_the_given_maximum() -> None:
    bar = score_bar_geometry("3", "4", (), "5")
    assert (bar.score_at, bar.threshold_at) == (60.0, 80.0)


@given(
    score=st.decimals(-10, 200, places=2),
    threshold=st.decimals(0, 200, places=2),
    points=st.lists(st.decimals(0, 90, places=2), max_size=5),
)
def test_it_never_draws_outside_the_bar(score: object, threshold: object, points: list[object]) -> None:
    bar = score_bar_geometry(str(score), str(threshold), [{"text": "x", "points": str(point)} for point in points])
    assert 0 <= bar.score_at <= 100
    assert 0 <= (bar.threshold_at or 0) <= 100
    assert all(gain.at >= 0 and gain.width >= 0 and gain.at + gain.width <= 100.001 for gain in bar.gains)


def test_it_draws_no_inline_style() -> None:
    html = render_to_string(
        "_partials/score_bar.html", {"score": "68.75", "threshold": "80.00", "segments": UPLIFT, "label": "<Score>"}
    )
    assert "style=" not in html
    assert 'aria-label="&lt;Score&gt;: 68.75 of 80.00 needed; ' in html
    assert 'width="68.75%"' in html


def test_it_draws_a_sparkline_up_to_its_peak() -> None:
    spark = sparkline_geometry([0, 5, 10])
    assert spark.bars == "M0 40V39h3V40zM4 40V20h3V40z"
    assert spark.peaks == "M8 40V0h3V40z"
    assert spark.text == "3 values, lowest 0, highest 10, latest 10"


def test_it_says_when_a_sparkline_has_no_data() -> None:
    idle = render_to_string("_partials/sparkline.html", {"values": [0, 0], "label": "Occurrences"})
    assert "Occurrences: none in this time" in idle
    assert "<svg" not in idle
    assert "no data yet" in render_to_string("_partials/sparkline.html", {"values": [], "label": "Events"})


def test_it_draws_only_zeros_without_a_peak() -> None:
    assert sparkline_geometry([0, 0]).peaks == ""


def test_it_puts_spans_on_one_scale() -> None:
    lanes = waterfall_geometry(
        [
            {"name": "api", "start_ms": 1000, "duration_ms": 200},
            {"name": "settle", "start_ms": 1050, "duration_ms": 100, "failed": True},
        ]
    )
    assert [(lane.name, lane.at, lane.width, lane.failed) for lane in lanes] == [
        ("api", 0.0, 100.0, False),
        ("settle", 25.0, 50.0, True),
    ]


def test_it_draws_spans_that_take_no_time() -> None:
    (lane,) = waterfall_geometry([{"name": "tick", "start_ms": 5, "duration_ms": 0}])
    assert (lane.at, lane.width, lane.duration) == (0.0, 1.0, "0 ms")


def test_it_groups_thousands_of_milliseconds() -> None:
    (lane,) = waterfall_geometry([{"name": "slow", "start_ms": 0, "duration_ms": 1_234_567}])
    assert lane.duration == "1\u202f234\u202f567 ms"


def test_it_draws_no_lanes_for_no_spans() -> None:
    assert waterfall_geometry(None) == []
