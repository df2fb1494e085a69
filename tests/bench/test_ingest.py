"""What a run measures, and how the table reads with and without the peer."""

from tests.bench import ingest
from tests.bench.events import Envelope
from tests.bench.load import Outcome
from tests.bench.options import Options
from tests.bench.system import Role, System


def run(
    role: Role, concurrency: int, stored: int, *, database: str = "SQLite", acknowledged: int = 100, lost: int = 0
) -> ingest.Run:
    outcome = Outcome(acknowledged={str(number): 0.1 for number in range(acknowledged)}, latencies=[0.01], seconds=1.0)
    outcome.statuses[200] = acknowledged
    name = f"{role}, {database}"
    return ingest.Run(
        name, role, database, concurrency, outcome, stored - lost, seconds=1.0, processor_s=0.5, others_percent=2.0
    )


def shown(runs: list[ingest.Run]) -> list[dict[str, str]]:
    table = ingest.section(runs, missing="", about="200 envelopes")
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_it_stores_what_it_sends(bare: System, envelopes: list[Envelope]) -> None:
    done = ingest.run_once(bare, envelopes, count=12, concurrency=4)
    assert (len(done.outcome.acknowledged), done.stored, done.outcome.complete) == (12, 12, True)


def test_it_shows_the_median_of_the_rounds_and_their_range() -> None:
    runs = [run(Role.OURS, 1, 90), run(Role.OURS, 16, 50), run(Role.OURS, 1, 70), run(Role.OURS, 1, 80)]
    rows = shown(runs)
    assert [(row["c"], row["stored/s"], row["lowest to highest"]) for row in rows] == [
        ("1", "80", "70 to 90"),
        ("16", "50", "50 to 50"),
    ]


def test_it_sets_each_system_beside_the_peer_on_the_same_database_at_the_same_concurrency() -> None:
    runs = [
        run(Role.OURS, 1, 100),
        run(Role.OURS, 16, 100, lost=1),
        run(Role.OURS, 16, 100, database="PostgreSQL"),
        run(Role.PEER, 1, 10),
        run(Role.PEER, 16, 20),
        run(Role.PEER, 16, 5, database="PostgreSQL"),
    ]
    rows = shown(runs)
    assert [row["beside Bugsink"] for row in rows] == ["10.0×", "5.0×", "20.0×", "1.0×", "1.0×", "1.0×"]
    assert [row["acknowledged, not stored"] for row in rows] == ["0", "1", "0", "90", "80", "95"]


def test_it_says_what_share_of_the_prototype_is_reached() -> None:
    rows = shown([run(Role.OURS, 16, 100), run(Role.LIMIT, 16, 400)])
    assert [row["of the prototype"] for row in rows] == ["25 %", ""]


def test_it_sends_the_slow_peer_less_in_the_same_proportion() -> None:
    sizes = [ingest.run_size(role, 16, Options(events=5_000)) for role in (Role.OURS, Role.LIMIT, Role.PEER)]
    assert sizes == [5_000, 5_000, 800]
    assert ingest.run_size(Role.OURS, 1, Options(events=5_000)) == 1_000


def test_it_says_plainly_that_the_peer_is_missing() -> None:
    table = ingest.section([run(Role.OURS, 1, 100)], missing="no network", about="200 envelopes")
    assert [row[0] for row in table.rows] == ["ours, SQLite", "Bugsink"]
    assert "not measured" in table.rows[1]
    assert table.notes[-1] == "Bugsink was not measured: no network."


def test_it_names_refusals_and_lost_connections() -> None:
    hurt = run(Role.OURS, 16, 100)
    hurt.outcome.statuses[429] = 3
    hurt.outcome.unanswered = 2
    table = ingest.section([hurt], missing="", about="200 envelopes")
    assert "ours, SQLite at c = 16: 3 × 429, 2 connections lost." in table.notes
