"""Ready or not, from what the probes found; no database, no broker."""

from datetime import UTC, datetime, timedelta

import pytest

from readiness.operations.services.health import (
    CONSUMED_WITHIN,
    ProbeResult,
    WorkerSigns,
    health_verdict,
    worker_assess,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FRESH = NOW - CONSUMED_WITHIN
STALE = FRESH - timedelta(seconds=1)


def test_it_is_ready_only_when_every_check_passed() -> None:
    good, bad = ProbeResult("database", True, "fine"), ProbeResult("broker", False, "away", "start it")
    assert health_verdict(checks=[good]).ready
    assert not health_verdict(checks=[good, bad]).ready
    assert not health_verdict(checks=[]).ready, "nothing was checked: that is no pass"


@pytest.mark.parametrize(
    ("signs", "passes", "detail"),
    [
        (WorkerSigns(None), False, "No worker is there"),
        (WorkerSigns(FRESH), False, "No worker is there"),  # it was there a moment ago
        (WorkerSigns(FRESH, ("one",), (), 1), True, "consumed 40 s ago"),
        (WorkerSigns(STALE, ("one",), (), 1), False, "consumed 41 s ago"),  # connected, but silent
        (WorkerSigns(None, ("one",), (), 1), False, "No task was consumed yet"),
        (WorkerSigns(STALE, ("one",), ("lessons.replay",), 1), True, "Busy with lessons.replay"),
        (WorkerSigns(STALE, ("one", "two"), ("lessons.replay",), 2), False, "consumed 41 s ago"),
        (WorkerSigns(NOW + timedelta(seconds=1), ("one",), (), 1), True, "consumed 0 s ago"),  # clocks differ a little
    ],
)
def test_it_tells_a_busy_worker_from_a_silent_one(signs: WorkerSigns, passes: bool, detail: str) -> None:
    found = worker_assess(signs=signs, now=NOW)
    assert found.passed is passes
    assert detail in found.detail
    assert bool(found.mend) is not passes
