"""Where the time of one event goes: microseconds of each stage in one thread, and the commit's share.

The stages are measured by tests.bench.stages in a process with the environment of a console that does not run.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.events import envelopes_describe, envelopes_load
from tests.bench.machine import Bystanders
from tests.bench.options import OURS_POSTGRES, OURS_SQLITE, Options
from tests.bench.ours import bare_environment, database_make, database_server, dsn_key
from tests.bench.report import Section
from tests.bench.stages import BATCHES, REQUEST, STAGES
from tests.console import ROOT, Console

COLUMNS = ("what", "µs an event", "share")
COUNT, QUICK_COUNT = 200, 20
_WORDS = {
    "gunzip": "gunzip",
    "framing": "take the envelope apart",
    "decode": "decode the event's JSON",
    "scrub": "scrub",
    "grouping": "group",
    "compress": "compress (zstd 3)",
    "hmac": "keyed hashes of item, input and locals",
    "envelope": "make the error and its detail of it",
    REQUEST: "the request around it: Django, key, limits, hand-over to the committing thread, answer",
}
_TYPICAL = 16  # the batch whose commit counts into the shares


@contextmanager
def asleep(home: Path, *, postgres: bool) -> Iterator[Console]:
    """A console with a migrated database and a tenant, none of whose processes run."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with ExitStack() as ending:
        env = {**bare_environment(), "READINESS_HOME": str(home), "PORT": "8000"}
        if postgres:
            server = ending.enter_context(database_server())
            database_make(server, "bench")
            env["DATABASE_URL"] = server.url("bench")
        console = Console(home, 8000, env.get("DATABASE_URL", ""), env, None)
        console.manage("migrate", "--verbosity", "0")
        yield console


def stages_run(console: Console, folder: Path, *, repeats: int, count: int) -> dict[str, Any]:
    """What tests.bench.stages prints. Raises AssertionError with what it said when it failed."""
    known = ["--project", str(console.demo["project_id"]), "--key", dsn_key(console)]
    command = [sys.executable, "-m", "tests.bench.stages", str(folder), *known]
    bounds = ["--repeats", str(repeats), "--count", str(count)]
    done = subprocess.run([*command, *bounds], cwd=ROOT, env=console.env, capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise AssertionError(
            f"tests.bench.stages: exit {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-3000:]}"
        )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(home: Path, options: Options) -> Section:
    """The stages once (no database takes part in them), the commit on each database."""
    envelopes = envelopes_load(home / "events")
    count = QUICK_COUNT if options.quick else COUNT
    repeats = options.rounds or (1 if options.quick else 5)
    others, figures = Bystanders(), {}
    for name, postgres in ((OURS_SQLITE, False), (OURS_POSTGRES, True)):
        if name in options.systems:
            with asleep(home / "run" / f"breakdown-{name}", postgres=postgres) as console:
                figures["PostgreSQL" if postgres else "SQLite"] = stages_run(
                    console, home / "events", repeats=repeats, count=count
                )
    about = f"{envelopes_describe(envelopes)}; {count} of them, {repeats} time(s) each; others' CPU"
    return section(figures, fsync_us=fsync_measure(home), about=f"{about} {others.percent():.0f} %")


def _pair(figures: Mapping[str, float], one: str, other: str) -> str:
    return f"{figures[one]:,.0f} / {figures[other]:,.0f}"


def fsync_measure(home: Path, *, times: int = 50) -> float:
    """µs that this machine takes to put 4 KB on disk: the least that a commit waits for. The median."""
    taken, path = [], home / "fsync.probe"
    with path.open("wb", buffering=0) as file:
        for _ in range(times):
            begun = time.perf_counter()
            file.write(b"\0" * 4096)
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - begun)
    path.unlink()
    return 1e6 * median(taken)


def section(figures: Mapping[str, Mapping[str, Any]], *, fsync_us: float, about: str) -> Section:
    """The table: the stages in the order that an event meets them, then the commits."""
    first = next(iter(figures.values()))
    stages: Mapping[str, float] = first["stages"]
    commit = first["commits"][str(_TYPICAL)][0]
    total = sum(stages.values()) + commit
    rows = [[_WORDS[stage], f"{stages[stage]:.0f}", f"{100 * stages[stage] / total:.0f} %"] for stage in STAGES]
    rows.append([_WORDS[REQUEST], f"{stages[REQUEST]:.0f}", f"{100 * stages[REQUEST] / total:.0f} %"])
    database = next(iter(figures))
    rows.append([f"commit in batches of {_TYPICAL}, {database}", f"{commit:.0f}", f"{100 * commit / total:.0f} %"])
    rows.append(["together", f"{total:.0f}", "100 %"])
    alone = first["scrub_alone"]
    ratio = alone["scrub"] / alone["parse"]
    rows.append(["scrubbing, a clean event, in its request", f"{first['scrub_clean']:.0f}", ""])
    rows.append(
        ["scrubbing alone, a clean event / a parse of its JSON", _pair(alone, "scrub", "parse"), f"{ratio:.1f} ×"]
    )
    rows.append(["its patterns over the whole event: google-re2 / Python's re", _pair(alone, "re2", "python"), ""])
    for name, measured in figures.items():
        for batch in BATCHES:
            used, passed = measured["commits"][str(batch)]
            rows.append([f"commit, {name}, batch of {batch}: processor / time", f"{used:.0f} / {passed:.0f}", ""])
    rows.append(["fdatasync of 4 KB on this machine", f"{fsync_us:.0f}", ""])
    notes = [
        f"{about}. One process, one thread, no network; a stage's time is without that of the stages that it enters,",
        f"and without what measuring costs. The same requests without any measuring: {first['whole']:.0f} µs (their",
        "commit left out). Commit: processor is this process's (PostgreSQL's own comes on top), time includes the wait",
        "for the disk.",
    ]
    return Section("Where an event's time goes", COLUMNS, rows, notes)
