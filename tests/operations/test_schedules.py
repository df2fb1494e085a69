"""Schedules are laid once, and then belong to the founders."""

from datetime import timedelta

import pytest
from celery import signals
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import ModelEntry
from pytest_django import Settings

from readiness.celery import app
from readiness.infra.clock import utcnow
from readiness.operations.services.jobs import GRACE
from readiness.operations.workflows.duties import duties
from readiness.operations.workflows.jobs import job_run
from readiness.operations.workflows.overview import JobLine, jobs_read
from readiness.operations.workflows.schedules import schedules_ensure
from tests.operations.conftest import ADA

pytestmark = pytest.mark.django_db


def _line(key: str) -> JobLine:
    return next(line for line in jobs_read() if line.job.key == key)


def _row(key: str) -> PeriodicTask:
    return PeriodicTask.objects.get(args=f'["{key}"]')


def test_each_job_gets_one_and_only_once() -> None:
    assert set(schedules_ensure()) == set(duties())
    assert schedules_ensure() == []
    assert PeriodicTask.objects.filter(task="operations.run_job").count() == len(duties())


def test_beat_lays_them_before_its_first_tick_and_sends_them() -> None:
    app.loader.import_default_modules()  # as beat does before it starts
    signals.beat_init.send(sender=None)
    outbox = ModelEntry(_row("outbox"), app=app)
    assert (outbox.task, outbox.args, outbox.schedule.run_every) == (
        "operations.run_job",
        ["outbox"],
        timedelta(seconds=5),
    )
    assert outbox.options["expires"] == 10, "deliveries that nobody took in time do not pile up"
    assert "operations.run_job" in app.tasks


def test_a_heartbeat_that_nobody_took_in_time_is_not_kept() -> None:
    """The database scheduler drops options that it has no column for, without a word."""
    entry = ModelEntry.from_entry("infra.heartbeat", app=app, **app.conf.beat_schedule["infra.heartbeat"])
    assert entry.options["expires"] == 30


def test_they_stay_as_a_founder_has_edited_them() -> None:
    schedules_ensure()
    row = _row("retention")
    row.crontab = CrontabSchedule.objects.create(hour="22", minute="30", timezone="Europe/Berlin")
    row.name = "our own name"
    row.save()
    assert schedules_ensure() == []
    assert _row("retention").name == "our own name"
    line = _line("retention")
    assert line.words == "daily at 22:30 Europe/Berlin"
    assert line.next_at is not None
    assert utcnow() < line.next_at <= utcnow() + timedelta(days=1)


def test_a_job_that_is_switched_off_says_so_and_stays_off() -> None:
    schedules_ensure()
    job_run(key="retention", actor=ADA)
    PeriodicTask.objects.filter(pk=_row("retention").pk).update(enabled=False)
    schedules_ensure()
    line = _line("retention")
    assert (line.standing.word, line.next_at) == ("Switched off", None)


def test_a_job_that_is_gone_is_switched_off(settings: Settings) -> None:
    schedules_ensure()
    settings.READINESS_JOBS = {}
    schedules_ensure()
    assert not _row("verdicts").enabled


def test_before_beat_has_started_there_is_no_next_run() -> None:
    line = _line("retention")
    assert (line.next_at, line.schedule) == (None, None)
    assert "beat lays it" in line.words


def test_a_job_that_beat_forgets_is_late() -> None:
    schedules_ensure()
    made = utcnow() - timedelta(days=1) - GRACE - timedelta(minutes=1)
    PeriodicTask.objects.filter(pk=_row("retention").pk).update(date_changed=made)
    assert _line("retention").standing.word == "Late"
    job_run(key="retention", actor=ADA)
    assert _line("retention").standing.word == "OK"


@pytest.mark.parametrize("args", ["not json", "[]", '["unknown-job"]', '{"key": "retention"}', '["a", "b"]'])
def test_a_row_that_somebody_has_broken_breaks_no_page(args: str) -> None:
    schedules_ensure()
    every_minute = IntervalSchedule.objects.create(every=1, period="minutes")
    PeriodicTask.objects.create(name="odd", task="operations.run_job", args=args, interval=every_minute)
    assert len(jobs_read()) == len(duties())
