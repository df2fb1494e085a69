"""promtool for the tests of what ships to Prometheus: the machine's own, else the one inside Debian's package."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = "prometheus"


def promtool() -> Path:
    """Its executable, fetched first where it has to be. Raises AssertionError that says what to install."""
    for find in (_on_path, _from_debian):
        found = find()
        if found is not None:
            return found
    raise AssertionError(
        "The tests of alerts and dashboard need promtool: install Prometheus (Debian: `apt install prometheus`; macOS: "
        "`brew install prometheus`) and run again."
    )


def _on_path() -> Path | None:
    found = shutil.which("promtool")
    return Path(found) if found else None


def _from_debian() -> Path | None:
    """Taken once out of the package into .venv, which `make` owns: nothing is installed, and nobody has to be root."""
    place = ROOT / ".venv" / "promtool"
    executable = place / "promtool"
    if executable.exists():
        return executable
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return None
    (place / "lists" / "partial").mkdir(parents=True, exist_ok=True)
    (place / "cache" / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-qq"]
    for name, value in (("Dir::State::lists", place / "lists"), ("Dir::Cache", place / "cache"),
                        ("Debug::NoLocking", 1), ("APT::Sandbox::User", "root")):  # fmt: skip
        options += ["-o", f"{name}={value}"]
    for words in (["update"], ["download", _PACKAGE]):
        subprocess.run(["apt-get", *options, *words], cwd=place, check=False, capture_output=True)
    packages = sorted(place.glob(f"{_PACKAGE}_*.deb"))
    if not packages:
        return None
    subprocess.run(["dpkg-deb", "-x", packages[-1], place / "unpacked"], check=True)
    (place / "unpacked" / "usr" / "bin" / "promtool").replace(executable)
    for rest in ("unpacked", "lists", "cache"):
        shutil.rmtree(place / rest)
    packages[-1].unlink()
    return executable


def run_promtool(*words: str | Path, stdin: bytes | None = None, cwd: Path | None = None) -> str:
    """What it printed. Raises AssertionError with that when it found something."""
    done = subprocess.run([promtool(), *words], input=stdin, cwd=cwd, capture_output=True, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, f"promtool {' '.join(map(str, words))}:\n{said}"
    return said
