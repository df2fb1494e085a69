"""How many events a second are accepted, and how many are in the database: this console and its peer, in turns."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from tests.bench.events import Envelope, envelopes_describe, envelopes_load, posts_make
from tests.bench.load import Outcome, load_run
from tests.bench.machine import Bystanders
from tests.bench.ours import ours
from tests.bench.peer import PeerMissing, bugsink
from tests.bench.report import Section
from tests.bench.stores import wait_stored
from tests.bench.system import System

COLUMNS = (
    "system",
    "c",
    "accepted/s",
    "p50 / p99 ms",
    "stored/s",
    "beside Bugsink",
    "acknowledged, not stored",
    "others' CPU",
)
MAX_SECONDS = 120.0


@dataclass(frozen=True)
class Run:
    """One load against one system. `stored`: of the acknowledged; `seconds`: from first request to last new row."""

    system: str
    concurrency: int
    outcome: Outcome
    stored: int
    seconds: float
    others_percent: float

    @property
    def stored_per_s(self) -> float:
        return self.stored / self.seconds

    @property
    def accepted_per_s(self) -> float:
        return len(self.outcome.acknowledged) / self.outcome.seconds


@contextmanager
def systems(home: Path) -> Iterator[tuple[list[System], str]]:
    """All that are measured, running side by side, and why the peer is not among them (else empty)."""
    with ExitStack() as running:
        found = [
            running.enter_context(ours(home / "run" / "sqlite", postgres=False)),
            running.enter_context(ours(home / "run" / "postgres", postgres=True)),
        ]
        reason = ""
        try:
            found.append(running.enter_context(bugsink(home / "bugsink")))
        except PeerMissing as missing:
            reason = str(missing)
        yield found, reason


def run_once(system: System, envelopes: Sequence[Envelope], *, count: int, concurrency: int) -> Run:
    """Load, then wait until everything acknowledged is stored."""
    posts = posts_make(envelopes, count, port=system.port, path=system.path, key=system.key)
    before, others, begun = system.store.count(), Bystanders(), time.perf_counter()
    outcome = load_run(port=system.port, posts=posts, concurrency=concurrency, max_seconds=MAX_SECONDS)
    ended = wait_stored(system.store, target=before + len(outcome.acknowledged), quiet_s=system.quiet_s)
    share = others.percent()
    stored = len(system.store.ids() & outcome.acknowledged.keys())
    return Run(system.name, concurrency, outcome, stored, max(ended - begun, outcome.seconds), share)


def measure(home: Path, *, quick: bool) -> Section:
    """Each system at each concurrency, in turns; of several rounds the one of median stored/s."""
    envelopes = envelopes_load(home / "events")
    sizes, rounds = ({1: 60, 16: 200, 64: 300}, 1) if quick else ({1: 500, 16: 2000, 64: 2000}, 3)
    runs: list[Run] = []
    with systems(home) as (found, missing):
        for system in found:
            run_once(system, envelopes, count=32, concurrency=8)  # imports, caches, prepared statements
        for concurrency, count in sizes.items():
            for number in range(rounds):
                for system in found if number % 2 == 0 else reversed(found):
                    runs.append(run_once(system, envelopes, count=count, concurrency=concurrency))
                    _say(runs[-1])
        peer = found[-1].name if not missing else ""
    return section(
        typical(runs), peer=peer, missing=missing, about=f"{envelopes_describe(envelopes)}; {rounds} round(s)"
    )


def _say(run: Run) -> None:
    sys.stderr.write(
        f"  {run.system}, c = {run.concurrency}: {run.accepted_per_s:.0f} accepted/s, {run.stored_per_s:.0f} stored/s, "
        f"{dict(run.outcome.statuses)}, others {run.others_percent:.0f} %\n"
    )


def typical(runs: Sequence[Run]) -> list[Run]:
    """For each system and concurrency the run of median stored/s, in the order of first appearance."""
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.system, run.concurrency), []).append(run)
    chosen = []
    for group in groups.values():
        middle = median_low(run.stored_per_s for run in group)
        chosen.append(next(run for run in group if run.stored_per_s == middle))
    return sorted(chosen, key=lambda run: [system for system, _ in groups].index(run.system))


def section(runs: Sequence[Run], *, peer: str, missing: str, about: str) -> Section:
    """The table; without a peer it says why in the peer's place."""
    beside = {run.concurrency: run.stored_per_s for run in runs if run.system == peer}
    rows = [_row(run, beside.get(run.concurrency)) for run in runs]
    if missing:
        rows.append(["Bugsink", "", "", "", "not measured", "", "", ""])
    notes = [
        f"{about}. Closed loop; driver, server, worker and database share the machine, and the systems take turns.",
        "stored/s counts until everything acknowledged is in the database.",
        "others' CPU: what processes outside the benchmark took of the machine meanwhile.",
    ]
    refused = {f"{run.system} at c = {run.concurrency}": _unexpected(run.outcome) for run in runs}
    notes += [f"{where}: {what}." for where, what in refused.items() if what]
    notes += [f"Bugsink was not measured: {missing}."] if missing else []
    return Section("Events stored per second", COLUMNS, rows, notes)


def _row(run: Run, beside: float | None) -> list[str]:
    return [
        run.system,
        str(run.concurrency),
        f"{run.accepted_per_s:.0f}",
        f"{run.outcome.latency_ms(0.5):.1f} / {run.outcome.latency_ms(0.99):.1f}",
        f"{run.stored_per_s:.0f}",
        f"{run.stored_per_s / beside:.1f}×" if beside else "",
        str(len(run.outcome.acknowledged) - run.stored),
        f"{run.others_percent:.0f} %",
    ]


def _unexpected(outcome: Outcome) -> str:
    """What was neither a 2xx nor on time, in words; empty when there was nothing."""
    parts = [f"{number} × {status}" for status, number in sorted(outcome.statuses.items()) if not 200 <= status < 300]
    parts += [f"{outcome.unanswered} connections lost"] if outcome.unanswered else []
    parts += [f"stopped after {outcome.seconds:.0f} s"] if not outcome.complete else []
    return ", ".join(parts)
