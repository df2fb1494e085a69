"""The table of what kill -9 has cost."""

from tests.bench import durability


def test_it_adds_up_the_rounds_of_each_system() -> None:
    rounds = [
        durability.Round("ours", 290, 8, 2, frozenset(), 1.25),
        durability.Round("ours", 280, 20, 0, frozenset(), 2.5),
        durability.Round("peer", 300, 0, 0, frozenset({"a", "b"}), 0.5),
    ]
    shown = durability.section(rounds, missing="", about="300 events")
    assert shown.rows == [["ours", "2", "570", "28", "2", "0", "2.5"], ["peer", "1", "300", "0", "0", "2", "0.5"]]
