"""The counts of all processes as one: two web processes, killed ones, and files that do not pile up."""

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from readiness.infra.metrics import metrics_directory
from readiness.supervisor.home import pid_read
from tests.console import Console, running_console
from tests.databases import Template
from tests.factories import an_event
from tests.launcher.processes import programs, tree
from tests.operations.test_metrics import value
from tests.promtool import run_promtool
from tests.servers import wait_until

pytestmark = pytest.mark.once
SENT = 40


@pytest.fixture(scope="module")
def two(
    template_database: Template, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Console]:
    """A console with two web processes."""
    home = tmp_path_factory.mktemp("metrics") / "home"
    env = {"READINESS_WEB_PROCESSES": "2"}
    with running_console(template_database, django_db_blocker, home, env=env) as running:
        wait_until(lambda: stored(running) == answered(running) == 1, what="the first start's self-check", within_s=60)
        yield running


def scrape(console: Console) -> str:
    answer = console.call("GET", "/metrics", key=(console.home / "metrics.token").read_text().strip())
    assert answer.status == 200, answer.body
    return answer.body.decode()


def read(console: Console, name: str, **labels: str) -> float:
    return value(scrape(console), name, **labels) or 0


def send(console: Console, count: int) -> None:
    """Each by a connection of its own, so that both processes get some."""
    public_key, _, rest = console.dsn.removeprefix("http://").partition("@")
    path = f"/api/{rest.rpartition('/')[2]}/envelope/"
    for _ in range(count):
        event_id = uuid.uuid4().hex
        event = json.dumps(an_event(event_id=event_id)).encode()
        body = json.dumps({"event_id": event_id}).encode() + b'\n{"type":"event"}\n' + event
        answer = console.call("POST", path, body=body, headers={"X-Sentry-Auth": f"Sentry sentry_key={public_key}"})
        assert answer.status == 200, answer.body


def counting_files(console: Console) -> set[Path]:
    return set(metrics_directory(console.home).glob("histogram_*.db"))


def web_workers(console: Console) -> list[int]:
    launcher = pid_read(console.home)
    assert launcher is not None
    web = programs(launcher)["web"]
    return [process.pid for process in tree(web.pid) if process.parent == web.pid]


def stored(console: Console) -> float:
    return read(console, "readiness_capture_events_total", outcome="stored")


def answered(console: Console) -> float:
    name, route = "readiness_http_request_duration_seconds_count", "/api/<project_id>/envelope/"
    return read(console, name, route=route, code="200")


def test_the_counts_of_two_processes_add_up(two: Console) -> None:
    assert two.demo
    before = stored(two), answered(two)
    send(two, SENT)
    for _ in range(6):  # whichever process answers
        assert (stored(two), answered(two)) == (before[0] + SENT, before[1] + SENT)
    queue = {"queue": "errors"}
    assert read(two, "readiness_commit_batch_items_sum", **queue) == before[0] + SENT
    assert read(two, "readiness_commit_duration_seconds_count", outcome="committed", **queue) > 0
    assert read(two, "readiness_capture_recent_events", severity="ERROR") >= SENT


def test_what_a_killed_process_counted_stays_counted(two: Console) -> None:
    assert two.demo
    send(two, SENT)
    for _ in range(3):
        before, starts = (stored(two), answered(two)), read(two, "readiness_process_starts_total", program="web")
        killed, files = web_workers(two), len(counting_files(two))
        launcher = pid_read(two.home)
        assert launcher is not None
        for process in tree(programs(launcher)["web"].pid):
            if process.pid in killed:
                process.kill()
        wait_until(
            lambda: _scraped(two) and read(two, "readiness_process_starts_total", program="web") >= starts + 2,  # noqa: B023
            what="the next web processes",
        )
        assert (stored(two), answered(two)) == before
        assert not set(web_workers(two)) & set(killed)
        # One file more at most, for all that ever ended; theirs are gone.
        assert len(counting_files(two)) <= files + 1
        left = {path.stem.partition("_")[2] for path in counting_files(two)}
        assert not left & {str(pid) for pid in killed}


def _scraped(console: Console) -> bool:
    try:
        return console.call("GET", "/readyz", timeout_s=5).status == 200
    except OSError:
        return False


def test_it_knows_tasks_workers_and_the_queue(two: Console) -> None:
    heartbeat = {"task": "infra.heartbeat"}
    wait_until(lambda: read(two, "readiness_tasks_sent_total", **heartbeat) >= 2, what="beat's heartbeats", within_s=40)
    text = scrape(two)
    assert value(text, "readiness_task_duration_seconds_count", outcome="success", **heartbeat)
    assert value(text, "readiness_worker_heartbeat_timestamp_seconds")
    assert value(text, "readiness_workers") == 1
    assert value(text, "readiness_worker_slots", state="all") == 1
    assert value(text, "readiness_broker_up") == 1
    assert value(text, "readiness_queue_tasks", state="waiting") is not None
    for program in ("web", "worker", "pool", "beat"):
        assert value(text, "readiness_process_starts_total", program=program), program
    run_promtool("check", "metrics", stdin=text.encode())
