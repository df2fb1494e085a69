"""sentry_sdk as it is, in a process of its own, against the running console: encodings, drops, large events, limits."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from incidents.errors.models import DroppedCount, ErrorEvent
from tests.console import Console, running_console
from tests.databases import Template

pytestmark = pytest.mark.once

PROGRAM = Path(__file__).parent / "sdk" / "program.py"


def run(dsn: str, scenario: str) -> list[int]:
    """The statuses that the SDK was answered with."""
    done = subprocess.run(
        [sys.executable, PROGRAM, dsn, scenario], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout)["statuses"])


@pytest.fixture(scope="module")
def project(console: Console) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(console.manage("onboard_tenant", "shop-py", "--json").stdout)
    return made


@pytest.mark.parametrize("scenario", ["plain", "gzip", "br", "pool"])
def test_it_arrives_however_it_is_sent(console: Console, project: dict[str, Any], scenario: str) -> None:
    assert run(project["dsn"], scenario) == [200]
    with console.tables():
        (stored,) = ErrorEvent.objects.filter(project_id=project["project_id"], message=f"sent by {scenario}")
    assert stored.exception_chain == [f"RuntimeError: sent by {scenario}", "KeyError: 'shipping'"]
    assert (stored.release, stored.environment) == ("shop-py@1.0.0", "test")


def test_what_before_send_drops_is_reported_and_counted(console: Console, project: dict[str, Any]) -> None:
    assert set(run(project["dsn"], "dropped")) == {200}
    with console.tables():
        counts = DroppedCount.objects.filter(project_id=project["project_id"], reason="before_send")
        assert [(count.source, count.category, count.quantity) for count in counts] == [("sdk", "error", 1)]
        assert not ErrorEvent.objects.filter(message="never sent").exists()


def test_an_event_over_a_megabyte_is_not_lost(console: Console, project: dict[str, Any]) -> None:
    assert run(project["dsn"], "large") == [200]
    with console.tables():
        assert ErrorEvent.objects.filter(project_id=project["project_id"], message="too much").count() == 1


@pytest.mark.once
def test_it_holds_back_when_it_is_told_to_and_says_so_later(
    template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path: Path
) -> None:
    """One message is taken, the second is refused, the SDK keeps the others back: all five are accounted for."""
    limited = {"READINESS_KEY_EVENTS_PER_MINUTE": "1"}
    with running_console(template_database, django_db_blocker, tmp_path / "home", env=limited) as console:
        statuses = run(console.dsn, "limited")
        assert statuses.count(429) == 1, "after the refusal the SDK sends no more errors"
        project_id = console.demo["project_id"]
        with console.tables():
            stored = ErrorEvent.objects.filter(project_id=project_id).count()
            told = DroppedCount.objects.get(project_id=project_id, source="sdk", reason="ratelimit_backoff").quantity
    assert stored == 1
    assert told == 3
