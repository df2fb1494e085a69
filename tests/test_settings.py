"""Every environment variable that the settings read stands in the README's table, and nothing else does."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READ = re.compile(r'env\.\w+\(\s*"([A-Z_]+)"')
ROW = re.compile(r"^\| `([A-Z_]+)` \|", re.MULTILINE)


def test_the_readme_documents_every_setting() -> None:
    read = set(READ.findall((ROOT / "readiness" / "settings.py").read_text()))
    documented = ROW.findall((ROOT / "README.md").read_text())
    assert read, "no setting was found; has the way to read them changed?"
    assert set(documented) == read
    assert len(documented) == len(set(documented))
