"""`python -m tests.bench [PART …] [options]`; `make bench` is all of it, BENCH_ARGS="disk --quick" a part."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import breakdown, config, disk, durability, ingest, pages, scale, start
from tests.bench.machine import bench_home, machine_size, software
from tests.bench.options import SYSTEMS, Options, kills_read, numbers_read, sizes_read, systems_read
from tests.bench.report import Section, report_keep, report_write, section_markdown
from tests.console import ROOT

PARTS: dict[str, Callable[[Path, Options], Section]] = {
    "ingest": ingest.measure,
    "disk": disk.measure,
    "durability": durability.measure,
    "scale": scale.measure,
    "pages": pages.measure,
    "breakdown": breakdown.measure,
    "config": config.measure,
    "start": start.measure,
}


def arguments_read(arguments: Sequence[str]) -> argparse.Namespace:
    """`parts` and `options`, beside what is asked by name. Exits with a message on bad usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named")
    parser.add_argument("--quick", action="store_true", help="small runs, to try the benchmark itself")
    parser.add_argument("--write", action="store_true", help="put the tables into README.md between its bench markers")
    parser.add_argument("--rounds", type=int, help="how often a measurement is repeated (ingest, scale, breakdown)")
    parser.add_argument("--events", type=int, help="events of a run (ingest, scale), stored (disk), of a round")
    parser.add_argument("--concurrency", type=numbers_read, default=(), help="of ingest, such as 1,16,64")
    parser.add_argument("--systems", type=systems_read, default=SYSTEMS, help=f"only these of {','.join(SYSTEMS)}")
    parser.add_argument("--kills", type=kills_read, default={}, help="of durability: web:3,worker:3,web+broker:1,…")
    parser.add_argument("--sizes", type=sizes_read, help="of scale, pages: stored events, such as 50_000,2_000_000")
    parser.add_argument("--incidents", type=sizes_read, help="of pages: at each size, such as 200,10_000")
    given = parser.parse_args(arguments)
    if unknown := [part for part in given.parts if part not in PARTS]:
        parser.error(f"{unknown[0]!r} is not one of {', '.join(PARTS)}")
    if given.quick and given.write:
        parser.error("--quick figures are too small to publish; leave out --write, or --quick")
    given.parts = given.parts or list(PARTS)
    given.options = Options(
        quick=given.quick,
        rounds=given.rounds,
        events=given.events,
        concurrency=given.concurrency,
        systems=given.systems,
        kills=given.kills,
        sizes=given.sizes,
        incidents=given.incidents,
    )
    return given


def main() -> int:
    given = arguments_read(sys.argv[1:])
    # `timeout` and CI end a run by SIGTERM: leave by the same door as Ctrl-C, which ends every process of ours.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = bench_home()
    for part in given.parts:
        sys.stderr.write(f"{part} …\n")
        measured = PARTS[part](home, given.options)
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
