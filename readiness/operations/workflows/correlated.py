"""Reader of settings.READINESS_CORRELATION_READERS: the job runs that belong to a correlation id."""

from collections.abc import Sequence

from incidents.triage.services.correlations import CorrelationSlice, OpsCorrelatedEvent, title_of
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.workflows import slice_read
from readiness.operations import store
from readiness.operations.models import JobRun


def job_runs_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """Runs of jobs, each with its begin and how long it took. One query."""
    rows = store.runs_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("job runs", rows, limit=limit, read=_runs)


def _runs(rows: Sequence[JobRun]) -> list[OpsCorrelatedEvent]:
    return [
        OpsCorrelatedEvent(
            at=row.started_at,
            kind="job",
            component=f"job.{row.job}",
            layer="L5",
            severity=OpsSeverity.ACTION if row.outcome == JobRun.Outcome.FAILED else OpsSeverity.INFO,
            title=title_of(f"Job {row.job} {row.outcome}: {row.summary}"),
            ref=f"{row.job}-{row.pk}",
            page=("operations",),
            took=row.finished_at - row.started_at,
        )
        for row in rows
    ]
