"""One round with a kill in it, the plan of the rounds, and the table of what kill -9 has cost."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from tests.bench import durability
from tests.bench.events import Envelope
from tests.bench.options import Options
from tests.bench.system import Role, System


def test_it_kills_once_in_the_middle_of_the_load(bare: System, envelopes: list[Envelope]) -> None:
    killed: list[Collection[str]] = []
    met = durability.round_once(replace(bare, kill=killed.append), envelopes, count=40, killed="web+worker")
    assert killed == [["web", "worker"]]
    assert (met.acknowledged, met.refused, met.lost) == (40, 0, frozenset())


def test_it_finds_what_was_acknowledged_and_is_not_there(bare: System, envelopes: list[Envelope]) -> None:
    nobody = "SELECT id FROM events WHERE 0"
    lossy = replace(bare.store, query=lambda sql: bare.store.query(nobody if sql.startswith("SELECT id") else sql))
    met = durability.round_once(replace(bare, store=lossy, quiet_s=0), envelopes, count=30, killed="web")
    assert len(met.lost) == met.acknowledged == 30


@pytest.mark.parametrize(("database", "programs"), [("SQLite", {"web"}), ("PostgreSQL", {"web", "database"})])
def test_it_plans_ten_rounds_that_reach_every_program(bare: System, database: str, programs: set[str]) -> None:
    ours = replace(bare, role=Role.OURS, database=database, programs=programs | {"worker", "broker"})
    plan = durability.kills_plan(ours, Options())
    assert len(plan) == 10
    assert {name for killed in plan for name in killed.split("+")} == set(ours.programs)
    assert plan[0] != plan[1]


def test_it_plans_what_was_asked_as_far_as_a_system_has_it(bare: System) -> None:
    ours = replace(bare, role=Role.OURS, programs=("web", "worker"))
    asked = Options(kills={"web": 2, "database": 3, "web+worker": 1})
    assert durability.kills_plan(ours, asked) == ["web", "web+worker", "web"]
    assert durability.kills_plan(replace(ours, role=Role.PEER), asked) == ["web+worker"]


def test_it_adds_up_the_rounds_of_each_system() -> None:
    rounds = [
        durability.Round("ours", "web", 290, 8, 2, frozenset(), 1.25),
        durability.Round("ours", "web+broker", 280, 20, 0, frozenset(), 2.5),
        durability.Round("peer", "web", 300, 0, 0, frozenset({"a", "b"}), 0.5),
    ]
    shown = durability.section(rounds, missing="", about="300 events")
    assert shown.rows == [
        ["ours", "web", "1", "290", "8", "2", "0", "1.2"],
        ["ours", "web, broker", "1", "280", "20", "0", "0", "2.5"],
        ["ours", "all rounds", "2", "570", "28", "2", "0", "2.5"],
        ["peer", "web", "1", "300", "0", "0", "2", "0.5"],
    ]
