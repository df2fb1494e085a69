"""A job runs once at a time; how it ended, and why it failed, stays told."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.utils import IntegrityError, OperationalError
from pytest_django import Settings

from incidents.errors.models import ErrorEvent
from incidents.triage.models import Incident
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionAudit
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import atomic_write
from readiness.operations.models import JobRun, JobState
from readiness.operations.services.jobs import LONGEST_RUN, Outcome
from readiness.operations.tasks import run_job
from readiness.operations.workflows.duties import RUNS_KEPT, duties
from readiness.operations.workflows.jobs import job_run
from readiness.operations.workflows.overview import JobLine, jobs_read
from tests.operations.conftest import ADA, BEAT


def _line(key: str) -> JobLine:
    return next(line for line in jobs_read() if line.job.key == key)


@pytest.mark.django_db
def test_it_records_a_run() -> None:
    started = utcnow()
    report = job_run(key="housekeeping", actor=ADA)
    run = JobRun.objects.get()
    assert (run.job, run.outcome, run.summary) == ("housekeeping", "ok", report.summary)
    assert (run.triggered_by, run.error_id, run.project_id) == (ADA.name, "", 0)
    assert started <= run.started_at <= run.finished_at <= utcnow()
    state = JobState.objects.get()
    assert (state.last_run, state.last_ok_at, state.running_id) == (run, run.finished_at, "")


@pytest.mark.django_db
def test_every_job_of_the_installation_runs() -> None:
    for key in duties():
        assert job_run(key=key, actor=ADA).outcome is Outcome.OK, key
    assert set(JobRun.objects.values_list("job", flat=True)) == set(duties())


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["no-such-job", "", "x" * 500])
def test_it_refuses_a_job_that_is_none(key: str) -> None:
    with pytest.raises(NotFound, match="There is no job"):
        job_run(key=key, actor=ADA)
    assert not JobState.objects.exists()


@pytest.mark.django_db
def test_it_knows_only_the_jobs_that_somebody_does(settings: Settings) -> None:
    settings.READINESS_JOBS = {}
    assert "verdicts" not in {line.job.key for line in jobs_read()}
    with pytest.raises(NotFound):
        job_run(key="verdicts", actor=ADA)


def test_a_failure_is_an_error_an_incident_and_a_failed_run(recording: None) -> None:
    def broken(*, actor: Actor) -> int:
        raise OperationalError("no answer from postgres://reader:hunter2@db/shop")

    report = job_run(key="retention", actor=BEAT, duty=broken)
    run = JobRun.objects.get()
    assert (run.outcome, run.error_id) == ("failed", report.error_id)
    assert run.summary.startswith("OperationalError: no answer")
    assert "hunter2" not in run.summary
    event = ErrorEvent.objects.get()
    assert (event.error_id, event.component, event.layer, event.project_id) == (run.error_id, "job.retention", "L5", 0)
    line = _line("retention")
    assert (line.standing.word, line.incident) == ("Failed", f"INC-{Incident.objects.get().pk}")
    assert not JobState.objects.get().running_id, "the lock is given back: the next run may start"
    assert job_run(key="retention", actor=BEAT).outcome is Outcome.OK
    assert _line("retention").standing.word != "Failed"


def test_two_workers_never_run_one_job_at_once(fresh_database: str) -> None:
    inside, leave = threading.Event(), threading.Event()

    def slow(*, actor: Actor) -> int:
        inside.set()
        assert leave.wait(30)
        return 1

    def first_worker() -> None:
        try:
            job_run(key="controls-stale", actor=BEAT, duty=slow)
        finally:
            connection.close()

    worker = threading.Thread(target=first_worker)
    worker.start()
    try:
        assert inside.wait(30)
        assert _line("controls-stale").standing.word == "Running"
        second = job_run(key="controls-stale", actor=ADA, duty=slow)
        assert job_run(key="housekeeping", actor=ADA).outcome is Outcome.OK, "other jobs are not held up"
    finally:
        leave.set()
        worker.join(30)
    assert second.outcome is Outcome.SKIPPED
    runs = list(JobRun.objects.filter(job="controls-stale").order_by("pk").values_list("outcome", "summary"))
    assert [outcome for outcome, _ in runs] == ["skipped", "ok"]
    assert "Another run is under way" in runs[0][1]
    assert job_run(key="controls-stale", actor=ADA).outcome is Outcome.OK


def _left_running(run_id: str, age: timedelta) -> None:
    """What a killed worker leaves behind."""
    with atomic_write():
        JobState.objects.create(job="retention", running_id=run_id, running_since=utcnow() - age, running_for=BEAT.name)


@pytest.mark.django_db
def test_it_takes_over_from_a_run_that_must_be_dead_and_says_that_it_was_lost() -> None:
    _left_running("killed", LONGEST_RUN + timedelta(seconds=1))
    assert job_run(key="retention", actor=ADA, run_id="next").outcome is Outcome.OK
    lost, done = JobRun.objects.order_by("pk")
    assert (lost.outcome, lost.triggered_by) == ("failed", BEAT.name)
    assert "stopped or killed" in lost.summary
    assert done.outcome == "ok"
    assert JobState.objects.get().last_run == done


@pytest.mark.django_db
def test_it_waits_for_a_run_that_may_be_alive() -> None:
    _left_running("alive", LONGEST_RUN - timedelta(minutes=1))
    assert job_run(key="retention", actor=ADA, run_id="next").outcome is Outcome.SKIPPED
    assert JobState.objects.get().running_id == "alive"


@pytest.mark.django_db
def test_a_message_that_comes_again_after_a_kill_starts_at_once() -> None:
    _left_running("the same message", timedelta(seconds=3))
    assert job_run(key="retention", actor=BEAT, run_id="the same message").outcome is Outcome.OK
    assert list(JobRun.objects.order_by("pk").values_list("outcome", flat=True)) == ["failed", "ok"]


@pytest.mark.django_db
def test_a_quiet_job_leaves_a_trace_only_when_it_did_something_or_was_asked_for() -> None:
    job_run(key="outbox", actor=BEAT)
    assert not JobRun.objects.exists()
    job_run(key="outbox", actor=ADA)
    assert JobRun.objects.get().summary == "None delivered."


@pytest.mark.django_db
def test_the_task_runs_for_the_schedule_or_for_a_person() -> None:
    run_job("housekeeping")
    run_job("housekeeping", actor=ADA.name, actor_id=ADA.id)
    assert list(JobRun.objects.order_by("pk").values_list("triggered_by", flat=True)) == [BEAT.name, ADA.name]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE operations_job_run SET outcome = 'ok'", "DELETE FROM operations_job_run"]
)
def test_what_has_run_cannot_be_changed(statement: str) -> None:
    job_run(key="housekeeping", actor=ADA)
    with pytest.raises(IntegrityError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.django_db
def test_housekeeping_forgets_old_runs_under_a_permit_but_the_last_of_each_job() -> None:
    long_ago = utcnow() - RUNS_KEPT - timedelta(days=1)
    with atomic_write():
        for job in ("retention", "reconcile"):
            for _ in range(2):
                last = JobRun.objects.create(
                    job=job, started_at=long_ago, finished_at=long_ago, outcome="ok", triggered_by="the schedule"
                )
            JobState.objects.create(job=job, last_run=last)
    assert job_run(key="housekeeping", actor=BEAT).summary == "Forgotten: runs 2."
    assert sorted(JobRun.objects.values_list("job", flat=True)) == ["housekeeping", "reconcile", "retention"]
    assert DeletionAudit.objects.get().table_name == "operations_job_run"
