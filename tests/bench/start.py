"""From a fresh clone to a console that answers, the second start, and what the idle stack weighs."""

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.machine import Bystanders, pss_mb
from tests.bench.options import Options
from tests.bench.ours import bare_environment, launcher_pid, own_programs, wait_idle
from tests.bench.report import Section, spread
from tests.bench.system import group_end
from tests.console import ROOT, free_port
from tests.launcher.processes import tree
from tests.servers import start, wait_until

COLUMNS = ("what", "figure", "others' CPU")
WITHIN_S = 300.0


@dataclass(frozen=True)
class Checkout:
    """A clone in which `make run` is called; `env` is what make gets."""

    root: Path
    env: Mapping[str, str]

    @property
    def home(self) -> Path:
        return self.root / "var"

    @contextmanager
    def make_run(self) -> Iterator[float]:
        """`make run`, until it says that the console is ready; the seconds it took. Ended on the way out."""
        log = self.root.with_suffix(".log")
        log.unlink(missing_ok=True)
        begun = time.perf_counter()
        process = start(["make", "run"], log=log, env=self.env, cwd=self.root)
        try:
            wait_until(
                lambda: "Console ready at" in log.read_text(errors="replace"),
                what="make run",
                within_s=WITHIN_S,
                child=process,
                log=log,
            )
            yield time.perf_counter() - begun
        finally:
            group_end(process, signal.SIGTERM, patience_s=60)


def checkout_make(source: Path, root: Path) -> Checkout:
    """A clone of the source's HEAD, with nothing in it but what is committed."""
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    clone: list[str | Path] = ["git", "clone", "--quiet", "--no-hardlinks", source, root]
    subprocess.run(clone, check=True, capture_output=True, timeout=120)
    return Checkout(root, {**bare_environment(), "PORT": str(free_port())})


def memory_by_program(home: Path) -> dict[str, float]:
    """MiB (proportional set size) of each program of the stack with all its processes, and of the launcher."""
    launcher = launcher_pid(home)
    weighed = {name: sum(pss_mb(one.pid) for one in tree(program.pid)) for name, program in own_programs(home).items()}
    return {**weighed, "launcher": pss_mb(launcher)}


def measure(home: Path, options: Options, *, source: Path = ROOT) -> Section:
    """Clone and first start, second start, memory after a while without requests."""
    idle_s = 5.0 if options.quick else 30.0
    others, begun = Bystanders(), time.perf_counter()
    checkout = checkout_make(source, home / "run" / "clone")
    cloned = time.perf_counter() - begun
    try:
        with checkout.make_run() as first:
            first_share = others.percent()
            wait_idle(checkout.home)
            sys.stderr.write(f"  cold: {cloned + first:.1f} s\n")
        others = Bystanders()
        with checkout.make_run() as second:
            second_share = others.percent()
            wait_idle(checkout.home)
            time.sleep(idle_s)
            weighed = memory_by_program(checkout.home)
            sys.stderr.write(f"  warm: {second:.1f} s; idle: {sum(weighed.values()):.0f} MB\n")
    finally:
        shutil.rmtree(checkout.root, ignore_errors=True)
    rows = [
        ["clone, `make run`, ready", f"{cloned + first:.1f} s", f"{first_share:.0f} %"],
        ["second `make run`, ready", f"{second:.1f} s", f"{second_share:.0f} %"],
        [f"idle for {idle_s:.0f} s, whole stack", f"{sum(weighed.values()):.0f} MB", ""],
    ]
    return section(rows, weighed)


def section(rows: Sequence[Sequence[str]], weighed: Mapping[str, float]) -> Section:
    """The table and its reading."""
    notes = [
        "A clone of the committed state; the package caches of pip and uv are as they were,",
        "so the first start on a machine without them takes as much longer as the downloads.",
        f"Memory is the sum of the processes' proportional set sizes, in MB: {spread(weighed)}.",
    ]
    return Section("Start and memory", COLUMNS, rows, notes)
