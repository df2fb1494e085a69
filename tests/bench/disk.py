"""Bytes on disk for each stored event, indexes included: the same events, as many of them, in every system."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.events import Envelope, envelopes_describe, envelopes_load, posts_make
from tests.bench.ingest import MAX_SECONDS, WARM_UP
from tests.bench.load import load_run
from tests.bench.options import Options
from tests.bench.report import Section
from tests.bench.stores import wait_stored
from tests.bench.system import Role, System
from tests.bench.systems import systems

COLUMNS = ("system", "events stored", "bytes an event", "of Bugsink's", "of the event as sent, unpacked")
EVENTS, QUICK_EVENTS, CONCURRENCY = 2000, 100, 16


@dataclass(frozen=True)
class Filled:
    """How much a system's database grew by `stored` events with payloads of `sent` bytes in all."""

    system: str
    role: Role
    database: str
    stored: int
    grown: int
    sent: int

    @property
    def bytes_each(self) -> float:
        return self.grown / self.stored


def fill(system: System, envelopes: Sequence[Envelope], *, count: int) -> Filled:
    """Store so many distinct events. Raises AssertionError when fewer came to be stored."""
    posts = posts_make(envelopes, WARM_UP, port=system.port, path=system.path, key=system.key)
    load_run(port=system.port, posts=posts, concurrency=8, max_seconds=MAX_SECONDS)  # what is laid out once
    wait_stored(system.store, target=WARM_UP, quiet_s=system.quiet_s)
    size, rows = system.store.size(), system.store.count()
    posts = posts_make(envelopes, count, port=system.port, path=system.path, key=system.key)
    load_run(port=system.port, posts=posts, concurrency=CONCURRENCY, max_seconds=MAX_SECONDS)
    wait_stored(system.store, target=rows + count, quiet_s=system.quiet_s)
    stored = system.store.count() - rows
    if stored != count:
        raise AssertionError(f"{system.name} stored {stored} of {count} events; their sizes cannot be compared")
    sent = sum(len(envelopes[number % len(envelopes)].payload) for number in range(count))
    return Filled(system.name, system.role, system.database, stored, system.store.size() - size, sent)


def measure(home: Path, options: Options) -> Section:
    """One system after the other; nothing here depends on how fast the machine is."""
    envelopes = envelopes_load(home / "events")
    count = options.events or (QUICK_EVENTS if options.quick else EVENTS)
    filled: list[Filled] = []
    with systems(home, options.systems) as (found, missing):
        for system in found:
            filled.append(fill(system, envelopes, count=count))
            sys.stderr.write(f"  {system.name}: {filled[-1].bytes_each:.0f} bytes an event\n")
    return section(filled, missing=missing, about=envelopes_describe(envelopes))


def section(filled: Sequence[Filled], *, missing: str, about: str) -> Section:
    """The table: each system beside the peer on the same database."""
    peers = {one.database: one.bytes_each for one in filled if one.role == Role.PEER}
    rows = [
        [
            one.system,
            str(one.stored),
            f"{one.bytes_each:.0f}",
            f"1/{peers[one.database] / one.bytes_each:.1f}" if one.database in peers else "",
            f"{100 * one.grown / one.sent:.0f} %",
        ]
        for one in filled
    ]
    if missing:
        rows.append(["Bugsink", "", "not measured", "", ""])
    notes = [
        f"{about}. SQLite: by how much the file grew, its write-ahead log moved into it. PostgreSQL: by how much",
        "all tables grew (pg_total_relation_size: indexes, out-of-line values, partitions), after a CHECKPOINT.",
        "No VACUUM in either case, and nothing subtracted but what was there before the first event.",
    ]
    notes += [f"Bugsink was not measured: {missing}."] if missing else []
    return Section("Bytes on disk", COLUMNS, rows, notes)
