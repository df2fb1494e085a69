"""A console that nobody uses yet has nothing to complain about, on either database."""

import pytest

from tests.console import Console
from tests.servers import wait_until

pytestmark = pytest.mark.once

_COMPLAINTS = ('"level": "error"', '"level": "critical"', "Traceback (most recent call last)")


def test_it_starts_without_an_error_in_any_log(fresh_console: Console) -> None:
    beat = fresh_console.home / "logs" / "beat.log"
    wait_until(lambda: "Sending due task" in beat.read_text(), what="beat's first task", within_s=60)
    assert [line for line in _all(fresh_console).splitlines() if any(mark in line for mark in _COMPLAINTS)] == []


def _all(console: Console) -> str:
    files = [console.log, *sorted((console.home / "logs").glob("*.log"))]
    return "\n".join(file.read_text(errors="replace") for file in files)
