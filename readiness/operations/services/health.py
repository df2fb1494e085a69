"""Whether the console is ready to serve: a verdict over what probes have found."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

# Beat sends a heartbeat every ten seconds; three may stay away before somebody is told.
CONSUMED_WITHIN = timedelta(seconds=40)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One check: `detail` is what was found, `mend` what to do about it ("" when nothing is needed)."""

    name: str
    passed: bool
    detail: str
    mend: str = ""
    latency_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class WorkerSigns:
    """`consumed_at`: when a worker last ran the heartbeat task, None for never. `present`: names of workers; `busy`:
    tasks that they run now; `slots`: how many they can run at once.
    """

    consumed_at: datetime | None
    present: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    slots: int = 0


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """`ready` only if every check passed: a check that could not be made counts as failed."""

    ready: bool
    checks: tuple[ProbeResult, ...]


def health_verdict(*, checks: Sequence[ProbeResult]) -> HealthVerdict:
    """Ready if there are checks, and all of them passed."""
    return HealthVerdict(ready=bool(checks) and all(check.passed for check in checks), checks=tuple(checks))


def worker_assess(*, signs: WorkerSigns, now: datetime) -> ProbeResult:
    """A worker has lately run a task, or all that are there are busy with long ones."""
    if not signs.present:
        return _worker_fails("No worker is there.", "Start one (`make run` runs one), or read worker.log in the logs.")
    age = now - signs.consumed_at if signs.consumed_at else None
    if age is not None and age <= CONSUMED_WITHIN:
        return ProbeResult("worker", True, f"A task was consumed {_seconds(age)} ago.")
    if signs.busy and len(signs.busy) >= signs.slots:
        return ProbeResult("worker", True, f"Busy with {', '.join(sorted(set(signs.busy)))}; other tasks wait.")
    return _worker_fails(
        f"The last task was consumed {_seconds(age)} ago." if age else "No task was consumed yet.",
        "If this stays, the worker or beat is stuck: read worker.log and beat.log in the logs, and restart it.",
    )


def _worker_fails(detail: str, mend: str) -> ProbeResult:
    return ProbeResult("worker", False, detail, mend)


def _seconds(age: timedelta) -> str:
    return f"{max(0, round(age.total_seconds()))} s"
