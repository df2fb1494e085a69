"""Asking for a run goes through the outbox; what cannot be delivered stays visible and can be tried again."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from incidents.errors.models import ErrorEvent
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_attempts, outbox_deliver
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import atomic_write
from readiness.operations.models import JobRun, JobState
from readiness.operations.services.jobs import REQUEST_KEPT, Outcome
from readiness.operations.workflows.delivery import message_retry, outbox_read
from readiness.operations.workflows.duties import DELIVERED_KEPT
from readiness.operations.workflows.jobs import job_request, job_run
from tests.console import Console
from tests.operations.conftest import ADA, BEAT
from tests.servers import wait_until

delivered: list[tuple[str, dict[str, Any]]] = []


def handler(*, key: str, payload: dict[str, Any]) -> None:
    """Stands for the one that talks to the broker."""
    delivered.append((key, payload))


def broken_handler(*, key: str, payload: dict[str, Any]) -> None:
    raise ConnectionError("the broker is away, api_key=hunter2")


def _handled_by(settings: Settings, name: str) -> None:
    settings.READINESS_OUTBOX_HANDLERS = {"job.run": f"{__name__}.{name}"}


@pytest.mark.django_db
def test_it_asks_through_the_outbox_and_remembers_who(settings: Settings) -> None:
    _handled_by(settings, "handler")
    delivered.clear()
    job_request(key="retention", actor=ADA)
    assert delivered == [], "nothing leaves before the commit"
    state = JobState.objects.get()
    assert (state.requested_by, state.running_id) == (ADA.name, "")
    assert outbox_deliver() == 1
    assert delivered == [("retention", {"actor": ADA.name, "actor_id": ADA.id})]
    assert outbox_deliver() == 0


@pytest.mark.django_db
def test_it_is_asked_for_once() -> None:
    job_request(key="retention", actor=ADA)
    with pytest.raises(Conflict, match=f"asked for already, by {ADA.name}"):
        job_request(key="retention", actor=BEAT)
    assert OutboxMessage.objects.count() == 1
    job_run(key="retention", actor=ADA)
    job_request(key="retention", actor=ADA)
    with atomic_write():
        JobState.objects.update(requested_at=utcnow() - REQUEST_KEPT)
    job_request(key="retention", actor=ADA)  # nobody took it up: it may be asked for again
    assert OutboxMessage.objects.count() == 3


@pytest.mark.django_db
def test_it_is_not_asked_for_while_it_runs() -> None:
    with atomic_write():
        JobState.objects.create(job="retention", running_id="a", running_since=utcnow(), running_for=BEAT.name)
    with pytest.raises(Conflict, match="running already"):
        job_request(key="retention", actor=ADA)
    with pytest.raises(NotFound):
        job_request(key="no-such-job", actor=ADA)
    assert not OutboxMessage.objects.exists()


def test_a_handler_that_fails_is_recorded_tried_again_and_dead_in_the_end(recording: None, settings: Settings) -> None:
    _handled_by(settings, "broken_handler")
    job_request(key="retention", actor=ADA)
    for attempt in range(1, outbox_attempts("job.run") + 1):
        with atomic_write():
            OutboxMessage.objects.update(due_at=utcnow() - timedelta(seconds=1))
        report = job_run(key="outbox", actor=BEAT)
        assert (report.outcome, report.summary) == (Outcome.FAILED, "0 delivered, 1 failed (job.run).")
        message = OutboxMessage.objects.get()
        assert message.attempts == attempt
        assert "hunter2" not in message.last_error
    assert message.dead_at is not None
    assert job_run(key="outbox", actor=BEAT).summary == "", "a dead message is left alone"
    view = outbox_read()
    assert (view.counts.pending, view.counts.dead, view.left_off) == (0, 1, 0)
    events = ErrorEvent.objects.filter(component="outbox.job.run")
    assert events.count() == outbox_attempts("job.run")
    assert set(JobRun.objects.values_list("error_id", flat=True)) == set(events.values_list("error_id", flat=True))

    _handled_by(settings, "handler")
    assert message_retry(message_id=message.pk, actor=ADA) == "job.run"
    assert job_run(key="outbox", actor=BEAT).summary == "1 delivered."
    with pytest.raises(Conflict, match="delivered already"):
        message_retry(message_id=message.pk, actor=ADA)


@pytest.mark.django_db
def test_a_message_that_is_none_cannot_be_tried_again() -> None:
    with pytest.raises(NotFound, match="no such message"):
        message_retry(message_id=12_345, actor=ADA)


@pytest.mark.django_db
def test_the_broker_that_is_away_fails_the_delivery_only() -> None:
    job_request(key="retention", actor=ADA)
    assert outbox_deliver() == 0
    message = OutboxMessage.objects.get()
    assert (message.attempts, message.delivered_at) == (1, None)
    assert "Error" in message.last_error


@pytest.mark.django_db
def test_housekeeping_forgets_delivered_messages_only() -> None:
    old = utcnow() - DELIVERED_KEPT - timedelta(hours=1)
    with atomic_write():
        for fields in ({"delivered_at": old}, {"delivered_at": utcnow()}, {"dead_at": old}, {}):
            OutboxMessage.objects.create(topic="job.run", key="x", created_at=old, due_at=old, **fields)
    assert job_run(key="housekeeping", actor=BEAT).summary == "Forgotten: delivered messages 1."
    assert OutboxMessage.objects.count() == 3


def test_a_running_console_runs_what_is_asked_for_within_seconds(console: Console) -> None:
    """Outbox, beat, broker and worker, as they really are."""
    with console.tables():
        job_request(key="housekeeping", actor=ADA)

        def done() -> bool:
            return JobRun.objects.filter(job="housekeeping", triggered_by=ADA.name, outcome="ok").exists()

        wait_until(done, what="the run that was asked for", within_s=40)
        assert JobRun.objects.filter(job="partitions", outcome="ok").exists(), "a worker's start makes partitions"
        assert JobRun.objects.filter(job="outbox", summary="1 delivered.").exists()
