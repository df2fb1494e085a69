"""What each job does. Subjects above this one are named in settings.READINESS_JOBS: `{job: dotted path}`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from incidents.errors.workflows import cleanup_old_errors, partitions_ensure, windows_forget
from incidents.errors.workflows.otlp import spans_sift
from incidents.lessons.workflows import control_states_refresh, controls_ask, controls_overdue_tell
from incidents.triage.workflows import (
    daily_summary_publish,
    daily_summary_waits,
    incidents_due,
    incidents_wait,
)
from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.idempotency import idempotent_forget
from readiness.infra.outbox import outbox_deliver, outbox_forget
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.notifications.workflows.forgetting import notices_forget
from readiness.operations import store
from readiness.operations.services.jobs import JOBS, Job
from readiness.operations.workflows.reconciling import reconcile
from readiness.operations.workflows.recording import JobFailed, failure_record
from readiness.tenants.workflows import signin_attempts_forget

DELIVERED_KEPT = timedelta(days=7)
RUNS_KEPT = timedelta(days=30)


class Duty(Protocol):
    """Does a job's work; answers how much was done, or says it in words. What it raises is the run's failure."""

    def __call__(self, *, actor: Actor) -> int | str: ...


def duties() -> dict[str, Duty]:
    """job → what does it, for every job of this installation. Raises ImportError for a wrong path in the setting."""
    return {**_DUTIES, **{key: import_string(dotted) for key, dotted in settings.READINESS_JOBS.items()}}


def jobs_here() -> list[Job]:
    """The jobs that something of this installation does."""
    here = duties()
    return [job for job in JOBS if job.key in here]


def _partitions(*, actor: Actor) -> str:
    made = partitions_ensure()
    if connection.vendor != "postgresql":
        return "None to make: SQLite keeps all errors in one table."
    return f"{len(made)} made: {', '.join(made)}." if made else "All are there for the week ahead."


def _retention(*, actor: Actor) -> str:
    days = settings.READINESS_RETENTION_DAYS
    gone = cleanup_old_errors(retention_days=days, actor=actor, reason=f"retention of {days} days")
    by_count = f" {gone.by_count:,} more were beyond what their incidents keep." if gone.by_count else ""
    return (
        f"{gone.by_age or 'No'} errors older than {days} days {'forgotten' if gone.by_age else 'were there'}.{by_count}"
    )


def _reconcile(*, actor: Actor) -> str:
    return " ".join(report.words for report in reconcile(actor=actor))


def _controls_due(*, actor: Actor) -> str:
    asked, overdue = controls_ask(), controls_overdue_tell()
    return f"{asked or 'None'} asked for{f', {overdue} overdue and told of' if overdue else ''}."


def _controls_stale(*, actor: Actor) -> int:
    return control_states_refresh()


def _limits(*, actor: Actor) -> int:
    return windows_forget()


def _spans(*, actor: Actor) -> str:
    sifted = spans_sift()
    counts = {"kept": sifted.kept, "of traces without an error": sifted.dropped, "past their days": sifted.forgotten}
    done = [f"{count} {what}" for what, count in counts.items() if count]
    return f"Spans: {', '.join(done)}." if done else "No spans had waited long enough."


@transactional(TransactionIntent.READ_ONLY)
def outbox_waits(session: Session) -> bool:
    """Something is due for delivery."""
    return store.outbox_counts(now=utcnow()).oldest_due_at is not None


# What a quiet job is asked before it takes its lock: a look every few seconds must not write.
WAITS: dict[str, Callable[[], bool]] = {
    "outbox": outbox_waits,
    "incident-life": incidents_wait,
    "incident-summary": daily_summary_waits,
}


def _incident_life(*, actor: Actor) -> str:
    return incidents_due()


def _incident_summary(*, actor: Actor) -> str:
    return "Told." if daily_summary_publish() else ""


def _outbox(*, actor: Actor) -> int:
    failures: list[tuple[str, str]] = []

    def note(topic: str, failure: Exception) -> None:
        failures.append((topic, failure_record(failure, component=f"outbox.{topic}", context={"topic": topic})))

    delivered = outbox_deliver(on_failure=note)
    if failures:
        topics = ", ".join(sorted({topic for topic, _ in failures}))
        raise JobFailed(f"{delivered} delivered, {len(failures)} failed ({topics}).", error_id=failures[0][1])
    return delivered


def _housekeeping(*, actor: Actor) -> str:
    store.sessions_forget()
    now = utcnow()
    counts = {
        "sign-in attempts": signin_attempts_forget(),
        "kept answers": idempotent_forget(),
        "delivered messages": outbox_forget(before=now - DELIVERED_KEPT),
        "notices": notices_forget(before=now - timedelta(days=settings.READINESS_RETENTION_DAYS), actor=actor),
        "runs": runs_forget(actor=actor),
    }
    forgotten = [f"{what} {count}" for what, count in counts.items() if count]
    return f"Forgotten: {', '.join(forgotten)}." if forgotten else "Nothing was old enough to forget."


@transactional(TransactionIntent.ATOMIC_WRITE)
def runs_forget(session: Session, *, actor: Actor) -> int:
    """Forget runs older than RUNS_KEPT, under a permit; how many. The last run of each job stays."""
    cutoff = utcnow() - RUNS_KEPT
    rows = store.runs_before(cutoff)
    if not rows.exists():
        return 0  # no permit, and no line in the audit, for nothing
    with deletion_permit(session, table="operations_job_run", actor=actor, reason="old job runs", cutoff=cutoff):
        return rows.delete()[0]


_DUTIES: dict[str, Duty] = {
    "partitions": _partitions,
    "retention": _retention,
    "reconcile": _reconcile,
    "controls-due": _controls_due,
    "controls-stale": _controls_stale,
    "limits": _limits,
    "spans": _spans,
    "outbox": _outbox,
    "incident-life": _incident_life,
    "incident-summary": _incident_summary,
    "housekeeping": _housekeeping,
}
