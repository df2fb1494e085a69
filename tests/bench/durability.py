"""kill -9 in the middle of the load: is everything that was acknowledged still there afterwards?"""

import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

from tests.bench.events import Envelope, envelopes_load, posts_make
from tests.bench.ingest import MAX_SECONDS
from tests.bench.load import load_run
from tests.bench.options import LIMIT_POSTGRES, LIMIT_SQLITE, Options
from tests.bench.report import Section
from tests.bench.stores import lost_find
from tests.bench.system import Role, System
from tests.bench.systems import systems
from tests.servers import wait_until

COLUMNS = ("system", "killed", "kills", "acknowledged", "unanswered", "refused", "then lost", "longest silence s")
CONCURRENCY = 16
EVENTS, PEER_EVENTS, QUICK_EVENTS = 2000, 600, 200
# Ten runs on each database: what dies at once → in how many of them.
KILLS = {
    "SQLite": {"web": 3, "worker": 3, "broker": 2, "web+worker+broker": 2},
    "PostgreSQL": {"web": 3, "worker": 2, "broker": 2, "database": 2, "web+worker+broker+database": 1},
}
PEER_KILLS = {"web+worker": 1}
QUICK_KILLS = {"SQLite": {"web+worker+broker": 1}, "PostgreSQL": {"web": 1, "database": 1}}


@dataclass(frozen=True)
class Round:
    """One load with one kill.

    `unanswered`: the connection was lost. `refused`: an answer that was no 2xx. Either tells the sender to send again.
    """

    system: str
    killed: str
    acknowledged: int
    unanswered: int
    refused: int
    lost: frozenset[str]
    silence_s: float


def round_once(system: System, envelopes: Sequence[Envelope], *, count: int, killed: str) -> Round:
    """The kill comes once a random part of the events is acknowledged; the load goes on against what comes back.

    `killed`: programs joined by `+`. Raises AssertionError when too little was acknowledged to be killed among.
    """
    posts = posts_make(envelopes, count, port=system.port, path=system.path, key=system.key)
    moment = random.randint(count // 5, count * 3 // 5)

    def crash_at(acknowledged: int) -> None:
        if acknowledged == moment:
            system.kill(killed.split("+"))

    before = system.store.count()
    outcome = load_run(
        port=system.port, posts=posts, concurrency=CONCURRENCY, max_seconds=MAX_SECONDS, on_acknowledged=crash_at
    )
    acknowledged = len(outcome.acknowledged)
    if acknowledged < moment:
        raise AssertionError(f"{system.name} acknowledged {acknowledged} of {count} events, too few to be killed among")
    wait_until(system.ready, what=f"{system.name}'s return", within_s=90)
    lost = lost_find(system.store, outcome.acknowledged.keys(), before=before, quiet_s=system.quiet_s)
    refused = outcome.statuses.total() - acknowledged
    return Round(system.name, killed, acknowledged, outcome.unanswered, refused, lost, outcome.longest_silence())


def kills_plan(system: System, options: Options) -> list[str]:
    """What is killed in each round, mixed: the supervisor waits longer with every death in quick succession."""
    kills: Mapping[str, int] = (QUICK_KILLS if options.quick else KILLS)[system.database]
    if system.role == Role.PEER:
        kills = PEER_KILLS
    elif options.kills:
        kills = options.kills
    possible = {killed: rounds for killed, rounds in kills.items() if set(killed.split("+")) <= set(system.programs)}
    turns = zip_longest(*([killed] * rounds for killed, rounds in possible.items()))
    return [killed for killed in chain.from_iterable(turns) if killed is not None]


def measure(home: Path, options: Options) -> Section:
    """Several rounds for each system, the peer's once."""
    envelopes = envelopes_load(home / "events")
    count = options.events or (QUICK_EVENTS if options.quick else EVENTS)
    met: list[Round] = []
    names = [name for name in options.systems if name not in (LIMIT_SQLITE, LIMIT_POSTGRES)]
    with systems(home, names) as (found, missing):
        for system in found:
            for killed in kills_plan(system, options):
                size = min(count, PEER_EVENTS) if system.role == Role.PEER else count
                met.append(round_once(system, envelopes, count=size, killed=killed))
                _say(met[-1])
    return section(met, missing=missing, about=f"{count} events a round (the peer: {min(count, PEER_EVENTS)})")


def _say(met: Round) -> None:
    sys.stderr.write(f"  {met.system}, {met.killed}: {met.acknowledged} acknowledged, {len(met.lost)} lost\n")


def section(met: Sequence[Round], *, missing: str, about: str) -> Section:
    """The table: a row for each system and what was killed of it, and the system's sum when that was more than one."""
    rows: list[list[str]] = []
    for name in dict.fromkeys(one.system for one in met):
        mine = [one for one in met if one.system == name]
        kinds = list(dict.fromkeys(one.killed for one in mine))
        rows += [_row(kind.replace("+", ", "), [one for one in mine if one.killed == kind]) for kind in kinds]
        rows += [_row("all rounds", mine)] if len(kinds) > 1 else []
    notes = [
        f"{about} at c = {CONCURRENCY}. While events come in, these programs (Bugsink: gunicorn and snappea) are",
        "killed with SIGKILL, with every process below them; they are started again, the load goes on, and every",
        "acknowledged id is then looked up in the database. A sender whose request was refused or got no answer knows",
        "that it has to send again. A kill takes the processes, not the machine: what a loss of power needs besides is",
        "synchronous=FULL on SQLite and synchronous_commit on PostgreSQL, and both are on.",
    ]
    if missing:
        rows.append(["Bugsink", "not measured", "", "", "", "", "", ""])
        notes.append(f"Bugsink was not measured: {missing}.")
    return Section("Acknowledged, then lost on kill -9", COLUMNS, rows, notes)


def _row(killed: str, rounds: Sequence[Round]) -> list[str]:
    return [
        rounds[0].system,
        killed,
        str(len(rounds)),
        str(sum(one.acknowledged for one in rounds)),
        str(sum(one.unanswered for one in rounds)),
        str(sum(one.refused for one in rounds)),
        str(sum(len(one.lost) for one in rounds)),
        f"{max(one.silence_s for one in rounds):.1f}",
    ]
