"""kill -9 in the middle of the load: is everything that was acknowledged still there afterwards?"""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.events import Envelope, envelopes_load, posts_make
from tests.bench.ingest import MAX_SECONDS, systems
from tests.bench.load import load_run
from tests.bench.report import Section
from tests.bench.stores import wait_stored
from tests.bench.system import System

COLUMNS = ("system", "kills", "acknowledged", "unanswered", "refused", "acknowledged, then lost", "longest silence s")
CONCURRENCY = 16


@dataclass(frozen=True)
class Round:
    """One load with one kill.

    `unanswered`: the connection was lost. `refused`: an answer that was no 2xx. Either tells the sender to send again.
    """

    system: str
    acknowledged: int
    unanswered: int
    refused: int
    lost: frozenset[str]
    silence_s: float


def round_once(system: System, envelopes: Sequence[Envelope], *, count: int) -> Round:
    """The kill comes once a random part of the events is acknowledged; the load goes on against what comes back."""
    posts = posts_make(envelopes, count, port=system.port, path=system.path, key=system.key)
    moment = random.randint(count // 5, count * 3 // 5)

    def crash_at(acknowledged: int) -> None:
        if acknowledged == moment:
            system.crash()

    before = system.store.count()
    outcome = load_run(
        port=system.port, posts=posts, concurrency=CONCURRENCY, max_seconds=MAX_SECONDS, on_acknowledged=crash_at
    )
    acknowledged = len(outcome.acknowledged)
    if acknowledged < moment:
        raise AssertionError(f"{system.name} acknowledged {acknowledged} of {count} events, too few to be killed among")
    # Events that got no answer may be stored too: wait for as many rows as there can be, or until none comes any more.
    wait_stored(system.store, target=before + count, quiet_s=system.quiet_s)
    lost = frozenset(outcome.acknowledged.keys() - system.store.ids())
    refused = outcome.statuses.total() - acknowledged
    return Round(system.name, acknowledged, outcome.unanswered, refused, lost, outcome.longest_silence())


def measure(home: Path, *, quick: bool) -> Section:
    """Several rounds for each system."""
    envelopes = envelopes_load(home / "events")
    rounds, count = (2, 300) if quick else (5, 2000)
    met: list[Round] = []
    with systems(home) as (found, missing):
        for system in found:
            for _ in range(rounds):
                met.append(round_once(system, envelopes, count=count))
                _say(met[-1])
    return section(met, missing=missing, about=f"{count} events a round at c = {CONCURRENCY}")


def _say(met: Round) -> None:
    sys.stderr.write(f"  {met.system}: {met.acknowledged} acknowledged, {len(met.lost)} lost\n")


def section(met: Sequence[Round], *, missing: str, about: str) -> Section:
    """The table: a row for each system, over all its rounds."""
    names = list(dict.fromkeys(one.system for one in met))
    rows = [_row([one for one in met if one.system == name]) for name in names]
    notes = [
        f"{about}.",
        "While events come in, web server, worker and broker (Bugsink: gunicorn and snappea) are killed with SIGKILL;",
        "they are started again, the load goes on, and every acknowledged id is then looked up in the database.",
        "A sender whose request was refused or got no answer knows that it has to send again.",
    ]
    if missing:
        rows.append(["Bugsink", "not measured", "", "", "", "", ""])
        notes.append(f"Bugsink was not measured: {missing}.")
    return Section("Acknowledged, then lost on kill -9", COLUMNS, rows, notes)


def _row(rounds: Sequence[Round]) -> list[str]:
    return [
        rounds[0].system,
        str(len(rounds)),
        str(sum(one.acknowledged for one in rounds)),
        str(sum(one.unanswered for one in rounds)),
        str(sum(one.refused for one in rounds)),
        str(sum(len(one.lost) for one in rounds)),
        f"{max(one.silence_s for one in rounds):.1f}",
    ]
