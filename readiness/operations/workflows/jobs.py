"""Running a job: once at a time, its end recorded, its failure an error like any other; and asking for a run."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.correlation import current_correlation_id
from readiness.infra.outbox import outbox_publish
from readiness.infra.redaction import text_scrub
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.models import JobRun, JobState
from readiness.operations.services.jobs import (
    Claim,
    Job,
    Outcome,
    job_claim,
    job_find,
    job_requested,
    job_words,
)
from readiness.operations.workflows.duties import WAITS, Duty, duties, jobs_here
from readiness.operations.workflows.recording import JobFailed, failure_record

RUN_REQUESTED = "job.run"  # the outbox topic; readiness.celery sends it on as a task


@dataclass(frozen=True, slots=True)
class JobReport:
    """How a run ended. `summary` is empty for a quiet job that had nothing to do."""

    outcome: Outcome
    summary: str
    error_id: str = ""


def job_run(*, key: str, actor: Actor, run_id: str = "", duty: Duty | None = None) -> JobReport:
    """Run a job now, here. Its work has transactions of its own; the run is recorded when it has ended.

    `run_id` stays the same when a message is delivered again. `duty` does the work in place of the job's own (a
    command with options). What the work raises is recorded and reported, not raised. Raises NotFound.
    """
    job = _job_here(key)
    quiet = job.quiet and actor.kind == "job"  # a person who asked wants to see that it ran
    if quiet and key in WAITS and not WAITS[key]():
        return JobReport(Outcome.OK, "")
    run_id, started = run_id or uuid.uuid4().hex, utcnow()
    held_since = job_begin(job=job, run_id=run_id, actor=actor, quiet=quiet)
    if held_since is not None:
        return JobReport(Outcome.SKIPPED, _held_words(held_since))
    report = _work(job, duty or duties()[key], actor=actor, run_id=run_id, quiet=quiet)
    job_end(job=job, run_id=run_id, started_at=started, report=report, actor=actor)
    return report


def _job_here(key: str) -> Job:
    job = job_find(key)
    if job is None or job not in jobs_here():
        raise NotFound(f"There is no job {key[:60]} here; /operations/ lists what there is.")
    return job


def _held_words(since: datetime) -> str:
    return f"Another run is under way since {since:%H:%M:%S} UTC; this one was left out."


def _work(job: Job, duty: Duty, *, actor: Actor, run_id: str, quiet: bool) -> JobReport:
    try:
        answer = duty(actor=actor)
    except JobFailed as failure:
        return JobReport(Outcome.FAILED, str(failure), failure.error_id)
    except Exception as failure:  # noqa: BLE001  whatever it was, the run has failed, and its lock must not stay
        error_id = failure_record(failure, component=f"job.{job.key}", context={"job": job.key, "run": run_id})
        return JobReport(Outcome.FAILED, text_scrub(f"{type(failure).__name__}: {failure}"), error_id)
    return JobReport(Outcome.OK, "" if quiet and not answer else job_words(job=job, answer=answer))


@transactional(TransactionIntent.LOCKED_MUTATION)
def job_begin(txn: SingleConnectionTxn, *, job: Job, run_id: str, actor: Actor, quiet: bool) -> datetime | None:
    """Take the job's lock; None if this run may start, else since when another is under way (recorded unless quiet).

    A lock whose run must be dead is taken over, and that run recorded as failed.
    """
    now = utcnow()
    state = _state_locked(txn, job)
    since = state.running_since
    claim = job_claim(
        running_id=state.running_id, running_since=since, run_id=run_id, lost_after=job.lost_after, now=now
    )
    if claim is Claim.HELD and since is not None:
        if not quiet:
            _run_add(job, started_at=now, outcome=Outcome.SKIPPED, summary=_held_words(since), by=str(actor))
        return since
    if claim is Claim.LOST and since is not None:
        summary = "It did not end: its worker was stopped or killed. A new run took its place."
        state.last_run = _run_add(
            job, started_at=since, outcome=Outcome.FAILED, summary=summary, by=state.running_for, traced=False
        )
    state.running_id, state.running_since, state.running_for = run_id, now, str(actor)
    state.requested_at, state.requested_by = None, ""
    state.save()
    return None


@transactional(TransactionIntent.LOCKED_MUTATION)
def job_end(
    txn: SingleConnectionTxn, *, job: Job, run_id: str, started_at: datetime, report: JobReport, actor: Actor
) -> None:
    """Give the lock back, unless it was taken over meanwhile, and record the run."""
    state = _state_locked(txn, job)
    if state.running_id == run_id:
        state.running_id, state.running_since, state.running_for = "", None, ""
    if report.summary:
        state.last_run = _run_add(
            job,
            started_at=started_at,
            outcome=report.outcome,
            summary=report.summary,
            by=str(actor),
            error_id=report.error_id,
        )
        if report.outcome is Outcome.OK:
            state.last_ok_at = state.last_run.finished_at
    state.save()


def _state_locked(txn: SingleConnectionTxn, job: Job) -> JobState:
    store.job_states_ensure([job.key])
    return txn.lock_row(JobState, pk=job.key)


def _run_add(
    job: Job,
    *,
    started_at: datetime,
    outcome: Outcome,
    summary: str,
    by: str,
    error_id: str = "",
    traced: bool = True,
) -> JobRun:
    """`traced`: the run belongs to the trace under way; nobody knows any more that of a dead one."""
    return store.run_add(
        job=job.key,
        started_at=started_at,
        finished_at=utcnow(),
        outcome=outcome.value,
        summary=summary[:500],
        error_id=error_id,
        triggered_by=by,
        correlation_id=current_correlation_id() if traced else None,
    )


@transactional(TransactionIntent.LOCKED_MUTATION)
def job_request(txn: SingleConnectionTxn, *, key: str, actor: Actor) -> Job:
    """Ask for a run now; the worker starts it once this is committed. Raises NotFound, Conflict."""
    job, now = _job_here(key), utcnow()
    state = _state_locked(txn, job)
    if state.running_since is not None and now - state.running_since <= job.lost_after:
        raise Conflict(f"{job.title} is running already, since {state.running_since:%H:%M:%S} UTC. Wait for its end.")
    if job_requested(requested_at=state.requested_at, now=now):
        raise Conflict(f"{job.title} has been asked for already, by {state.requested_by}. It starts within seconds.")
    state.requested_at, state.requested_by = now, str(actor)
    state.save()
    outbox_publish(txn, topic=RUN_REQUESTED, key=key, payload={"actor": actor.name, "actor_id": actor.id})
    return job
