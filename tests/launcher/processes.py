"""Looking at processes and ending them, by way of /proc (Linux)."""

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process of the machine; `born` tells it from a later one with the same pid."""

    pid: int
    parent: int
    born: int
    command: str

    @property
    def alive(self) -> bool:
        """It runs, and is not a zombie that nobody has waited for yet."""
        with suppress(OSError):
            state, _, born = _stat(self.pid)
            return state != "Z" and born == self.born
        return False

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def _stat(pid: int) -> tuple[str, int, int]:
    """(state, parent, start time) from /proc/<pid>/stat, whose second field may hold anything."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[19])


def _all() -> list[Process]:
    found = []
    for directory in Path("/proc").iterdir():
        if directory.name.isdigit():
            with suppress(OSError):
                _, parent, born = _stat(int(directory.name))
                command = (directory / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(Process(int(directory.name), parent, born, command))
    return found


def tree(root: int) -> list[Process]:
    """`root` and everything that it and its children started."""
    processes = _all()
    wanted, found = {root}, [process for process in processes if process.pid == root]
    grown = True
    while grown:
        new = [process for process in processes if process.parent in wanted and process.pid not in wanted]
        wanted |= {process.pid for process in new}
        found += new
        grown = bool(new)
    return found


def programs(supervisor: int) -> dict[str, Process]:
    """The supervisor's own children by the plan's names."""
    marks = {"broker": "-server", "worker": " worker ", "web": "granian", "beat": " beat "}
    children = [process for process in tree(supervisor) if process.parent == supervisor]
    return {name: process for name, mark in marks.items() for process in children if mark in process.command}
