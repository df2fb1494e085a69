"""The jobs as people see them: how each stands, and what has run."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Model

from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.models import JobRun, JobState
from readiness.operations.services.jobs import (
    Job,
    JobFacts,
    JobStanding,
    Outcome,
    job_find,
    job_standing,
    took_words,
)
from readiness.operations.workflows.duties import jobs_here
from readiness.operations.workflows.recording import SCHEDULE


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job as its table shows it. `schedule` is beat's row, for its admin page; None until beat has laid it.
    `next_at` is None while it is switched off. `incident` is the one of the last run's error, or "".
    """

    job: Job
    standing: JobStanding
    words: str
    schedule: Model | None
    last: JobRun | None
    took: str
    next_at: datetime | None
    running_since: datetime | None
    last_ok_at: datetime | None
    incident: str

    @property
    def under_way(self) -> bool:
        """Running or asked for: it cannot be asked for again."""
        return self.standing.kind == "info"


@dataclass(frozen=True, slots=True)
class JobRunLine:
    """One run as its list shows it; `by_hand`: somebody asked for it, by the page or a command."""

    run: JobRun
    title: str
    took: str
    incident: str

    @property
    def by_hand(self) -> bool:
        return self.run.triggered_by != SCHEDULE.name

    @classmethod
    def of(cls, run: JobRun, incidents: Mapping[str, str]) -> "JobRunLine":
        job = job_find(run.job)
        took = took_words(run.finished_at - run.started_at)
        return cls(run, job.title if job else run.job, took, incidents.get(run.error_id, ""))


@transactional(TransactionIntent.READ_ONLY)
def jobs_read(session: Session) -> list[JobLine]:
    """Every job of this installation and how it stands."""
    now, here = utcnow(), jobs_here()
    states, schedules = store.job_states(), store.schedules()
    waiting_since = store.outbox_counts(now=now).oldest_due_at
    last_runs = [state.last_run for state in states.values() if state.last_run]
    incidents = store.incidents_of_console_errors([run.error_id for run in last_runs])
    return [_line(job, states.get(job.key), schedules.get(job.key), waiting_since, incidents, now=now) for job in here]


def _line(
    job: Job,
    state: JobState | None,
    found: store.ScheduleFound | None,
    waiting_since: datetime | None,
    incidents: Mapping[str, str],
    *,
    now: datetime,
) -> JobLine:
    last = state.last_run if state else None
    scheduled = found is not None and found.enabled
    since = last.started_at if last else (found.row.date_changed if found else None)
    due_at = found.due_after(since, now=now) if found and scheduled and since else None
    # Beat counts from its own last run, which a run that a person asked for does not move.
    next_at = found.due_after(found.row.last_run_at or since, now=now) if found and scheduled and since else None
    running_since = state.running_since if state else None
    facts = JobFacts(
        scheduled=scheduled,
        due_at=due_at,
        last_outcome=Outcome(last.outcome) if last else None,
        running_since=running_since,
        requested_at=state.requested_at if state else None,
        waiting_since=waiting_since if job.key == "outbox" else None,
    )
    standing = job_standing(job=job, facts=facts, now=now)
    return JobLine(
        job=job,
        standing=standing,
        words=found.words if found else "no schedule yet: beat lays it at its start",
        schedule=found.row if found else None,
        last=last,
        took=took_words(last.finished_at - last.started_at) if last else "",
        next_at=max(next_at, now) if next_at and not job.quiet else None,
        running_since=running_since,
        last_ok_at=state.last_ok_at if state else None,
        incident=incidents.get(last.error_id, "") if last else "",
    )
