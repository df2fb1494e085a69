"""The limits of an installation with two web processes, over real HTTP: one figure for all of them, within a tolerance.

The tolerance is services.limit_book's: each process may be late by a twentieth of the limit, or by what it takes in
within a commit; sixteen requests are under way at a time here.
"""

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Sum
from pytest_django.plugin import DjangoDbBlocker

from incidents.errors.models import CaptureWindow, DroppedCount, ErrorEvent, LimitNotice
from incidents.triage.models import Incident
from tests.console import Answer, Console, running_console
from tests.databases import Template
from tests.factories import an_event
from tests.servers import wait_until

LIMIT, SENT, AT_ONCE, PROCESSES = 100, 300, 16, 2
TOLERANCE = PROCESSES * LIMIT // 20 + AT_ONCE


@pytest.fixture
def two(template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path: Path) -> Any:
    env = {
        "READINESS_WEB_PROCESSES": str(PROCESSES),
        "READINESS_KEY_EVENTS_PER_MINUTE": str(LIMIT),
        "READINESS_INCIDENT_EVENTS_PER_MINUTE": "20",
        "READINESS_INCIDENT_BURST_MINUTES": "1",
    }
    with running_console(template_database, django_db_blocker, tmp_path / "home", env=env) as console:
        yield console


def send(console: Console, made: dict[str, Any], **fields: Any) -> Answer:
    event = an_event(**fields)
    public_key = made["dsn"].split("//")[1].split("@")[0]
    item = json.dumps(event).encode()
    return console.call(
        "POST",
        f"/api/{made['project_id']}/envelope/",
        body=b'{"event_id":"%s"}\n{"type":"event"}\n%s' % (event["event_id"].encode(), item),
        headers={"X-Sentry-Auth": f"Sentry sentry_key={public_key}", "Content-Type": "application/x-sentry-envelope"},
    )


def dropped(project_id: int, reason: str) -> int:
    rows = DroppedCount.objects.filter(project_id=project_id, reason=reason)
    return rows.aggregate(all=Sum("quantity"))["all"] or 0


def test_two_processes_hold_one_limit_and_count_every_error(two: Console) -> None:
    loud, quiet = (json.loads(two.manage("onboard_tenant", slug, "--json").stdout) for slug in ("loud", "quiet"))
    project = loud["project_id"]
    wait_until(lambda: time.time() % 60 < 35, what="the next minute", within_s=30)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda _: send(two, loud, fingerprint=["loud"]), range(SENT)))
    assert send(two, quiet).status == 200, "another key notices nothing"
    statuses = Counter(answer.status for answer in answers)
    assert set(statuses) == {200, 429}
    assert LIMIT <= statuses[200] <= LIMIT + TOLERANCE
    for refused in (answer for answer in answers if answer.status == 429):
        seconds = int(refused.headers["Retry-After"])
        assert 1 <= seconds <= 60
        assert refused.headers["X-Sentry-Rate-Limits"] == f"{seconds}:error:project:key_limit"
    with two.tables():
        wait_until(lambda: dropped(project, "key_limit") == statuses[429], what="each refusal counted")
        stored = ErrorEvent.objects.filter(project_id=project).count()
        sampled = dropped(project, "incident_limit")
        assert stored + sampled == statuses[200], "each that was taken in is stored or counted"
        assert Incident.objects.get(project_id=project).occurrences == statuses[200]
        assert 20 <= stored <= 20 + AT_ONCE * PROCESSES + (statuses[200] - 20) // 10
        assert LimitNotice.objects.filter(project_id=project, scope="key").count() == 1
        assert LimitNotice.objects.filter(project_id=project, scope="incident").count() == 1
        taken = CaptureWindow.objects.filter(project_id=project, scope="key").aggregate(all=Sum("events"))["all"]
        assert statuses[200] - TOLERANCE <= taken <= statuses[200], "the rest goes with a process's next commit"
