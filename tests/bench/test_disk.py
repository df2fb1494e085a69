"""How much a database grows by the events put into it, and the table of it."""

from dataclasses import replace

import pytest

from tests.bench import disk
from tests.bench.events import Envelope
from tests.bench.system import Role, System


def test_it_counts_the_bytes_of_as_many_events_as_it_was_asked_for(bare: System, envelopes: list[Envelope]) -> None:
    filled = disk.fill(bare, envelopes, count=200)
    assert filled.stored == 200
    assert filled.grown > 0
    assert filled.sent == sum(len(envelopes[number % 3].payload) for number in range(200))


def test_it_compares_no_systems_that_hold_different_events(bare: System, envelopes: list[Envelope]) -> None:
    half = replace(bare.store, query=lambda sql: [(bare.store.query(sql)[0][0] // 2,)])
    with pytest.raises(AssertionError, match="cannot be compared"):
        disk.fill(replace(bare, store=half, quiet_s=0), envelopes, count=20)


def test_it_sets_each_system_beside_the_peer_on_the_same_database() -> None:
    filled = [
        disk.Filled("ours", Role.OURS, "SQLite", 10, 50_000, 320_000),
        disk.Filled("ours", Role.OURS, "PostgreSQL", 10, 60_000, 320_000),
        disk.Filled("peer", Role.PEER, "SQLite", 10, 410_000, 320_000),
    ]
    shown = disk.section(filled, missing="", about="200 envelopes")
    assert shown.rows == [
        ["ours", "10", "5000", "1/8.2", "16 %"],
        ["ours", "10", "6000", "", "19 %"],
        ["peer", "10", "41000", "1/1.0", "128 %"],
    ]
