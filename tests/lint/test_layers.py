"""check_layers: import-linter's contracts hold, and a broken one is counted and named."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from readiness.lint.sources import PACKAGES, python_files

ROOT = Path(__file__).resolve().parent.parent.parent
_REPORT = """
from pathlib import Path
from readiness.lint.layers import layers_check
report = layers_check(Path("."))
print(report.files, *report.violations, sep="\\n")
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the house to break something in."""
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "library"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def report(checkout: Path) -> list[str]:
    """The number of files, then the violations; in a process of its own, which imports that checkout's packages."""
    done = subprocess.run([sys.executable, "-c", _REPORT], cwd=checkout, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_it_finds_the_house_clean() -> None:
    assert report(ROOT) == [str(len(list(python_files(ROOT))))]


@pytest.mark.parametrize(
    ("path", "line", "says"),
    [
        ("flags/services/bad.py", "import django", "flags.services.bad"),
        ("flags/services/bad.py", "from readiness.infra.transactions import atomic_write", "Services are pure"),
        ("readiness/infra/bad.py", "import flags.apps", "readiness.infra.bad:2 -> flags.apps"),
        ("flags/store.py", "import incidents.triage.models", "Subjects import downwards only"),
        ("flags/api.py", "import flags.models", "flags.api:"),
        ("flags/manager.py", "", "flags.manager is no known layer"),
        ("readiness/tenants/services/utils.py", "", "names a drawer"),
    ],
)
def test_it_names_what_is_broken(checkout: Path, path: str, line: str, says: str) -> None:
    target = checkout / path
    before = target.read_text() if target.exists() else ""
    target.write_text(f"{before}\n{line}\n")
    found = report(checkout)[1:]
    assert found
    assert any(says in violation for violation in found)


def test_it_has_no_ignore_list() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    assert len(contracts) >= 10
    assert not [c["id"] for c in contracts if {"ignore_imports", "exhaustive_ignores"} & set(c)]
