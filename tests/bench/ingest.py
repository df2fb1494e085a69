"""How many events a second are accepted, and how many are in the database: this console and its peer, in turns."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.bench.events import Envelope, envelopes_describe, envelopes_load, posts_make
from tests.bench.load import Outcome, load_run
from tests.bench.machine import Bystanders
from tests.bench.options import Options
from tests.bench.report import Section
from tests.bench.stores import wait_stored
from tests.bench.system import Role, System
from tests.bench.systems import systems

COLUMNS = (
    "system",
    "c",
    "accepted/s",
    "p50 / p99 ms",
    "stored/s",
    "lowest to highest",
    "beside Bugsink",
    "of the prototype",
    "CPU ms an event",
    "acknowledged, not stored",
    "others' CPU",
)
CONCURRENCY = (1, 16, 64)
MAX_SECONDS = 120.0
WARM_UP = 64
# A run is to last seconds on each system; the peer is some twenty times slower.
_EVENTS = {Role.OURS: 2500, Role.LIMIT: 2500, Role.PEER: 400}
_ALONE = 0.2  # the share of it at c = 1
_QUICK = {Role.OURS: 120, Role.LIMIT: 120, Role.PEER: 40}


@dataclass(frozen=True)
class Run:
    """One load against one system. `stored`: of the acknowledged; `seconds`: from first request to last new row;
    `processor_s`: what the system's own processes used of the processor, the database included.
    """

    system: str
    role: Role
    database: str
    concurrency: int
    outcome: Outcome
    stored: int
    seconds: float
    processor_s: float
    others_percent: float

    @property
    def stored_per_s(self) -> float:
        return self.stored / self.seconds

    @property
    def accepted_per_s(self) -> float:
        return len(self.outcome.acknowledged) / self.outcome.seconds

    @property
    def processor_ms(self) -> float:
        return 1000 * self.processor_s / max(1, self.stored)


@dataclass(frozen=True)
class Rounds:
    """All runs of one system at one concurrency; each figure is the median of theirs."""

    runs: Sequence[Run]

    def of(self, figure: Callable[[Run], float]) -> float:
        return median(figure(run) for run in self.runs)

    @property
    def stored_per_s(self) -> float:
        return self.of(lambda run: run.stored_per_s)


def run_once(system: System, envelopes: Sequence[Envelope], *, count: int, concurrency: int) -> Run:
    """Load, then wait until everything acknowledged is stored."""
    posts = posts_make(envelopes, count, port=system.port, path=system.path, key=system.key)
    before, used, others, begun = system.store.count(), system.processor_s(), Bystanders(), time.perf_counter()
    outcome = load_run(port=system.port, posts=posts, concurrency=concurrency, max_seconds=MAX_SECONDS)
    ended = wait_stored(system.store, target=before + len(outcome.acknowledged), quiet_s=system.quiet_s)
    share, used = others.percent(), system.processor_s() - used
    stored = len(system.store.ids() & outcome.acknowledged.keys())
    seconds = max(ended - begun, outcome.seconds)
    return Run(system.name, system.role, system.database, concurrency, outcome, stored, seconds, used, share)


def run_size(role: Role, concurrency: int, options: Options) -> int:
    """How many events a run sends; `options.events` is ours, and the peer's share follows."""
    sizes = _QUICK if options.quick else _EVENTS
    count = sizes[role]
    if options.events is not None:
        count = options.events * sizes[role] // sizes[Role.OURS]
    return max(concurrency, round(count * (_ALONE if concurrency == 1 else 1)))


def measure(home: Path, options: Options) -> Section:
    """Each system at each concurrency, in turns, so that a slow minute of the machine hits all of them."""
    envelopes = envelopes_load(home / "events")
    rounds = options.rounds or (1 if options.quick else 3)
    runs: list[Run] = []
    with systems(home, options.systems) as (found, missing):
        for system in found:
            run_once(system, envelopes, count=WARM_UP, concurrency=8)  # imports, caches, prepared statements
        for concurrency in options.concurrency or CONCURRENCY:
            for number in range(rounds):
                for system in found if number % 2 == 0 else reversed(found):
                    count = run_size(system.role, concurrency, options)
                    runs.append(run_once(system, envelopes, count=count, concurrency=concurrency))
                    _say(runs[-1])
    return section(runs, missing=missing, about=f"{envelopes_describe(envelopes)}; {rounds} round(s)")


def _say(run: Run) -> None:
    sys.stderr.write(
        f"  {run.system}, c = {run.concurrency}: {run.accepted_per_s:.0f} accepted/s, {run.stored_per_s:.0f} stored/s, "
        f"{dict(run.outcome.statuses)}, others {run.others_percent:.0f} %\n"
    )


def rounds_gather(runs: Sequence[Run]) -> dict[tuple[str, int], Rounds]:
    """(system, concurrency) → its runs; systems in the order of first appearance, concurrencies rising."""
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.system, run.concurrency), []).append(run)
    names = list(dict.fromkeys(run.system for run in runs))
    return {key: Rounds(groups[key]) for key in sorted(groups, key=lambda key: (names.index(key[0]), key[1]))}


def section(runs: Sequence[Run], *, missing: str, about: str) -> Section:
    """The table; without a peer it says why in the peer's place."""
    groups = rounds_gather(runs)
    rates = {
        (rounds.runs[0].role, rounds.runs[0].database, concurrency): rounds.stored_per_s
        for (_, concurrency), rounds in groups.items()
    }
    rows = [_row(rounds, rates) for rounds in groups.values()]
    if missing:
        rows.append(["Bugsink", "", "", "", "not measured", *[""] * (len(COLUMNS) - 5)])
    notes = [
        f"{about}, figures are their medians. Closed loop; driver, server, worker and database share the machine,",
        "and the systems take turns. stored/s counts until everything acknowledged is in the database; both ratios",
        "are of stored/s on the same database at the same c. The prototype is a bare WSGI function that gunzips,",
        "parses, scans, hashes, compresses and stores by group commit, and does nothing else: the nearest to a limit.",
        "Limits and quotas of both are set too high to be reached. CPU: of the system's processes with its database.",
        "others' CPU: what processes outside the benchmark took of the machine meanwhile, at the most.",
    ]
    for (system, concurrency), rounds in groups.items():
        said = [what for run in rounds.runs if (what := _unexpected(run.outcome))]
        notes += [f"{system} at c = {concurrency}: {'; '.join(said)}."] if said else []
    notes += [f"Bugsink was not measured: {missing}."] if missing else []
    return Section("Events stored per second", COLUMNS, rows, notes)


def _row(rounds: Rounds, rates: Mapping[tuple[Role, str, int], float]) -> list[str]:
    first, stored = rounds.runs[0], sorted(run.stored_per_s for run in rounds.runs)
    place = (first.database, first.concurrency)
    p50, p99 = rounds.of(lambda run: run.outcome.latency_ms(0.5)), rounds.of(lambda run: run.outcome.latency_ms(0.99))
    peer, limit = rates.get((Role.PEER, *place)), rates.get((Role.LIMIT, *place))
    return [
        first.system,
        str(first.concurrency),
        f"{rounds.of(lambda run: run.accepted_per_s):.0f}",
        f"{p50:.1f} / {p99:.1f}",
        f"{rounds.stored_per_s:.0f}",
        f"{stored[0]:.0f} to {stored[-1]:.0f}",
        f"{rounds.stored_per_s / peer:.1f}×" if peer and first.role != Role.LIMIT else "",
        f"{100 * rounds.stored_per_s / limit:.0f} %" if limit and first.role != Role.LIMIT else "",
        f"{rounds.of(lambda run: run.processor_ms):.1f}",
        str(sum(len(run.outcome.acknowledged) - run.stored for run in rounds.runs)),
        f"{max(run.others_percent for run in rounds.runs):.0f} %",
    ]


def _unexpected(outcome: Outcome) -> str:
    """What was neither a 2xx nor on time, in words; empty when there was nothing."""
    parts = [f"{number} × {status}" for status, number in sorted(outcome.statuses.items()) if not 200 <= status < 300]
    parts += [f"{outcome.unanswered} connections lost"] if outcome.unanswered else []
    parts += [f"stopped after {outcome.seconds:.0f} s"] if not outcome.complete else []
    return ", ".join(parts)
