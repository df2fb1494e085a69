"""Where an event's time goes: the clock of the stages, and that each stage is still there to be found."""

from pathlib import Path

import pytest

from tests.bench.breakdown import section, stages_run
from tests.bench.ours import bare_environment
from tests.bench.stages import BATCHES, REQUEST, STAGES, StageClock
from tests.console import Console


class Ticking(StageClock):
    """Counts the entries instead of the time."""

    def path(self) -> list[str]:
        return list(self._under_way)


def test_it_books_time_to_the_innermost_stage() -> None:
    clock = Ticking()
    inner = clock.wrapped("scrub", clock.path)
    outer = clock.wrapped("decode", lambda: (clock.path(), inner()))
    assert outer() == (["decode"], ["decode", "scrub"])
    assert clock.calls == {"decode": 1, "scrub": 1}
    assert clock.entered == {"decode": 1}
    assert clock.path() == []
    assert set(clock.spent) == {"decode", "scrub"}


def test_it_lets_a_stage_call_itself() -> None:
    clock = Ticking()
    inner = clock.wrapped("scrub", clock.path)
    assert clock.wrapped("scrub", inner)() == ["scrub"]
    assert clock.calls == {"scrub": 1}


def test_it_leaves_a_stage_that_fails() -> None:
    clock = Ticking()
    with pytest.raises(ZeroDivisionError):
        clock.wrapped("scrub", lambda: 1 // 0)()
    assert clock.path() == []


@pytest.mark.once
def test_it_meets_every_stage_of_a_real_request(fresh_database: str, tmp_path: Path) -> None:
    env = {**bare_environment(), "READINESS_HOME": str(tmp_path / "home"), "DATABASE_URL": fresh_database}
    console = Console(tmp_path / "home", 8000, fresh_database, env, None)
    figures = stages_run(console, tmp_path / "events", repeats=1, count=4)
    assert [stage for stage, calls in figures["calls"].items() if calls == 0] == []
    assert figures["stages"].keys() == {REQUEST, *STAGES}
    assert all(spent > 0 for spent in figures["scrub_alone"].values())
    assert figures["commits"].keys() == {str(batch) for batch in BATCHES}
    shown = section({"SQLite": figures}, fsync_us=400.0, about="4 envelopes")
    assert [len(row) for row in shown.rows] == [3] * (len(STAGES) + 6 + len(BATCHES) + 1)
