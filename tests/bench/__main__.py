"""`python -m tests.bench [ingest|durability|config|start|all] [--quick] [--write]`; `make bench` is all of it."""

import argparse
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import config, durability, ingest, start
from tests.bench.machine import bench_home, machine_size, software
from tests.bench.report import Section, report_keep, report_write, section_markdown
from tests.console import ROOT

PARTS: dict[str, Callable[[Path, bool], Section]] = {
    "ingest": lambda home, quick: ingest.measure(home, quick=quick),
    "durability": lambda home, quick: durability.measure(home, quick=quick),
    "config": lambda home, quick: config.measure(home, quick=quick),
    "start": lambda home, quick: start.measure(home, quick=quick),
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("part", nargs="?", default="all", choices=[*PARTS, "all"])
    parser.add_argument("--quick", action="store_true", help="small runs, to try the benchmark itself")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md between its bench markers")
    given = parser.parse_args()
    if given.quick and given.write:
        parser.error("--quick figures are too small to publish; leave out --write, or --quick")
    # `timeout` and CI end a run by SIGTERM: leave by the same door as Ctrl-C, which ends every process of ours.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = bench_home()
    for part in PARTS if given.part == "all" else (given.part,):
        sys.stderr.write(f"{part} …\n")
        measured = PARTS[part](home, given.quick)
        text = section_markdown(measured, machine=machine_size(), software=software(), moment=datetime.now(UTC))
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        if not given.quick:
            report_keep(home / "results", part, text)
    if given.write:
        report_write(ROOT / "README.md", home / "results", list(PARTS))
    return 0


if __name__ == "__main__":
    sys.exit(main())
