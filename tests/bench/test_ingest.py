"""Which run is shown, and how the table reads with and without the peer."""

from tests.bench import ingest
from tests.bench.load import Outcome


def run(system: str, concurrency: int, stored: int, *, acknowledged: int = 100, lost: int = 0) -> ingest.Run:
    outcome = Outcome(acknowledged={str(number): 0.1 for number in range(acknowledged)}, latencies=[0.01], seconds=1.0)
    outcome.statuses[200] = acknowledged
    return ingest.Run(system, concurrency, outcome, stored - lost, seconds=1.0, others_percent=2.0)


def test_it_shows_the_run_of_median_stored_per_second() -> None:
    runs = [run("ours", 1, 90), run("peer", 1, 9), run("ours", 16, 50), run("ours", 1, 70), run("ours", 1, 80)]
    chosen = [(one.system, one.concurrency, one.stored) for one in ingest.typical(runs)]
    assert chosen == [("ours", 1, 80), ("ours", 16, 50), ("peer", 1, 9)]


def test_it_sets_each_system_beside_the_peer_at_the_same_concurrency() -> None:
    runs = [run("ours", 1, 100), run("ours", 16, 100, lost=1), run("peer", 1, 10), run("peer", 16, 20)]
    shown = ingest.section(runs, peer="peer", missing="", about="200 envelopes")
    assert [row[5] for row in shown.rows] == ["10.0×", "5.0×", "1.0×", "1.0×"]
    assert [row[6] for row in shown.rows] == ["0", "1", "90", "80"]


def test_it_says_plainly_that_the_peer_is_missing() -> None:
    shown = ingest.section([run("ours", 1, 100)], peer="", missing="no network", about="200 envelopes")
    assert [row[0] for row in shown.rows] == ["ours", "Bugsink"]
    assert "not measured" in shown.rows[1]
    assert shown.rows[0][5] == ""
    assert shown.notes[-1] == "Bugsink was not measured: no network."


def test_it_names_refusals_and_lost_connections() -> None:
    hurt = run("ours", 16, 100)
    hurt.outcome.statuses[429] = 3
    hurt.outcome.unanswered = 2
    shown = ingest.section([hurt], peer="", missing="", about="200 envelopes")
    assert "ours at c = 16: 3 × 429, 2 connections lost." in shown.notes
