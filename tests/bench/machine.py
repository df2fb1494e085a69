"""The machine under the figures: its size, who else uses it, and where the benchmark may write."""

import os
import platform
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.console import ROOT
from tests.launcher.processes import tree

_MEBIBYTE = 1024 * 1024


def bench_home() -> Path:
    """The scratch folder: READINESS_BENCH_HOME, or `.bench` in the checkout (which git ignores)."""
    home = Path(os.environ.get("READINESS_BENCH_HOME") or ROOT / ".bench").resolve()
    home.mkdir(parents=True, exist_ok=True)
    return home


def machine_size() -> str:
    """Such as `2 cores, 24 GB`."""
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return f"{len(os.sched_getaffinity(0))} cores, {round(pages * page / 1024**3)} GB"


def software() -> str:
    """The versions that the figures depend on, and the commit; `+` behind it when the checkout has changes."""
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{name.capitalize()} {version(name)}" for name in ("django", "granian")]
    parts.append(f"commit {_git('rev-parse', '--short', 'HEAD')}{'+' if _git('status', '--porcelain') else ''}")
    return ", ".join(parts)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=30).stdout.strip()


def pss_mb(pid: int) -> float:
    """The process's share of memory in MiB, shared pages divided among those who share them; 0 once it has gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024 / _MEBIBYTE
    return 0.0


def _processor_ticks() -> tuple[int, int]:
    """(busy, all) ticks of the whole machine since it started."""
    with Path("/proc/stat").open() as file:
        ticks = [int(value) for value in file.readline().split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def tree_ticks(root: int) -> int:
    """Ticks of a process and all below it, those that have ended and been waited for included."""
    total = 0
    for process in tree(root):
        with suppress(OSError):  # it may end meanwhile
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(int(value) for value in fields[11:15])
    return total


def tree_seconds(root: int) -> float:
    """The same in seconds of processor time."""
    return tree_ticks(root) / os.sysconf("SC_CLK_TCK")


def _own_ticks() -> int:
    return tree_ticks(os.getpid())


@dataclass
class Bystanders:
    """How much of the machine processes other than the benchmark's used since this was made."""

    _own: int = field(default_factory=_own_ticks)
    _machine: tuple[int, int] = field(default_factory=_processor_ticks)

    def percent(self) -> float:
        """0 to 100 of all cores together. Above some 10, a figure says more about the others."""
        own = _own_ticks() - self._own
        busy, everything = (now - then for now, then in zip(_processor_ticks(), self._machine, strict=True))
        return max(0.0, 100 * (busy - own) / max(1, everything))
