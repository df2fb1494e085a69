"""The lives of a filled installation, the turns in which pages are asked, and the table of what they cost."""

import json
from collections.abc import Mapping, Sequence

import pytest

from incidents.lessons.models import Control, ControlRun, Lesson
from incidents.triage.models import Incident
from tests.bench.fill import STATUSES
from tests.bench.lives import ENTRIES, LONG, RUNS, lives_fill, queries_count
from tests.bench.pages import Cost, Site, ask_in_turns, section
from tests.bench.report import Section
from tests.factories import a_founder, an_incident


@pytest.mark.django_db
def test_it_gives_incidents_their_lives_and_counts_the_queries_of_pages(capsys: pytest.CaptureFixture[str]) -> None:
    a_founder()
    numbers = [an_incident(incident={"component": f"shop.area0{kind}"}).pk for kind in range(len(STATUSES))]
    lives_fill()
    rows = Incident.objects.filter(pk__in=numbers).order_by("pk")
    assert [row.status for row in rows] == list(STATUSES)
    assert (Lesson.objects.count(), Control.objects.count(), ControlRun.objects.count()) == (7, 6, 6 * RUNS)
    written = [row.timeline.filter(kind="note").count() for row in rows]
    assert written == [LONG] * 10
    assert ENTRIES < LONG
    paths = ["/", "/incidents/", *(f"/incidents/INC-{number}/" for number in numbers)]
    queries_count(paths)
    counts = json.loads(capsys.readouterr().out)
    assert list(counts) == paths
    assert all(5 < count < 60 for count in counts.values()), counts


class _Browser:
    """Answers everything at once, and notes what it was asked."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[str] = []
        self.status = status

    def get(self, path: str) -> tuple[int, bytes, float]:
        self.asked.append(path)
        return self.status, b"x" * len(self.asked), 0.25


def test_it_asks_all_in_turns_page_after_page() -> None:
    browsers = (_Browser(), _Browser())
    sites = [Site(browser, {"page": ["/a", "/b", "/c"]}) for browser in browsers]
    costs = ask_in_turns(sites, "page", requests=6)
    assert [cost.ms(0.95) for cost in costs] == [250.0, 250.0]
    assert browsers[0].asked == browsers[1].asked
    assert browsers[0].asked[-3:] == ["/a", "/b", "/c"]
    with pytest.raises(AssertionError, match="/b was answered 500"):
        ask_in_turns([Site(_Browser(500), {"page": ["/b"]})], "page", requests=1)


def _cost(ms: float, queries: tuple[int, ...] = ()) -> Cost:
    return Cost([ms / 1000] * 20, 64_400, queries)


def shown_of(met: Mapping[str, Sequence[Cost]]) -> Section:
    return section(met, sizes=(20_000, 1_000_000), incidents=(200, 10_000), requests=200, others_percent=3.0, reason="")


def test_it_shows_what_a_page_costs_both_and_the_peer() -> None:
    met = {
        "home": [_cost(20, (24,)), _cost(25, (24,))],
        "one incident": [_cost(30, (20, 24))] * 2,
        "theirs": [_cost(80)],
    }
    shown = shown_of(met)
    assert shown.rows == [
        ["home", "24", "20.0 ms", "20.0 ms", "25.0 ms", "25.0 ms", "1.25×, p95 1.25×", "64 KB"],
        ["one incident", "20 to 24", "30.0 ms", "30.0 ms", "30.0 ms", "30.0 ms", "1.00×, p95 1.00×", "64 KB"],
        ["theirs", "", "80.0 ms", "80.0 ms", "", "", "", "64 KB"],
    ]
    assert shown_of({"home": [_cost(20, (24,)), _cost(20, (25,))]}).rows[0][1] == "24; 25"
