"""Queries of operations: jobs and their runs."""

from collections.abc import Collection, Iterable
from datetime import datetime
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from incidents.errors.models import ErrorEvent
from incidents.triage.models import IncidentFingerprint
from readiness.operations.models import JobRun, JobState


def job_states_ensure(keys: Iterable[str]) -> None:
    """A row for each job that has none yet."""
    JobState.objects.bulk_create([JobState(job=key) for key in keys], ignore_conflicts=True)


def job_states() -> dict[str, JobState]:
    """job → its state, the last run at hand."""
    return {state.job: state for state in JobState.objects.select_related("last_run")}


def run_add(**fields: Any) -> JobRun:
    """One more row of the append-only runs."""
    return JobRun.objects.create(**fields)


def runs_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[JobRun]:
    """What was run under a correlation id, the earliest first; of one project unless `project_id` is None."""
    rows = JobRun.objects.filter(correlation_id=correlation_id).order_by("started_at", "pk")
    return rows if project_id is None else rows.filter(project_id=project_id)


def runs_recent(*, job: str = "") -> QuerySet[JobRun]:
    """Every run, or a job's, the newest first (indexes operations_job_run_recent and _job)."""
    rows = JobRun.objects.order_by("-finished_at", "-pk")
    return rows.filter(job=job) if job else rows


def runs_before(cutoff: datetime) -> QuerySet[JobRun]:
    """Runs that ended before then and are not the last of their job."""
    last = JobState.objects.filter(last_run__isnull=False).values("last_run")
    return JobRun.objects.filter(finished_at__lt=cutoff).exclude(pk__in=last)


def incidents_of_console_errors(error_ids: Collection[str]) -> dict[str, str]:
    """error id → `INC-12`, for the console's own errors (project 0) that retention has not taken yet."""
    wanted = {error_id for error_id in error_ids if error_id}
    if not wanted:
        return {}
    events = ErrorEvent.objects.filter(project_id=0, error_id__in=wanted).values_list("error_id", "fingerprint")
    fingerprints = dict(events)
    groups = IncidentFingerprint.objects.filter(project_id=0, fingerprint__in=set(fingerprints.values()))
    incidents = dict(groups.values_list("fingerprint", "incident"))
    return {
        error_id: f"INC-{incidents[fingerprint]}"
        for error_id, fingerprint in fingerprints.items()
        if fingerprint in incidents
    }


def sessions_forget() -> None:
    """Ended browser sessions."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
