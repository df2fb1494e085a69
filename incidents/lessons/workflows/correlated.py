"""Reader of settings.READINESS_CORRELATION_READERS: the control runs that were reported under a correlation id."""

from collections.abc import Sequence

from incidents.lessons.models import ControlRun
from incidents.lessons.store import runs_correlated
from incidents.triage.services.correlations import CorrelationSlice, OpsCorrelatedEvent, title_of
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.workflows import slice_read


def control_runs_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """Runs of controls. One query."""
    rows = runs_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("control runs", rows, limit=limit, read=_runs)


def _runs(rows: Sequence[ControlRun]) -> list[OpsCorrelatedEvent]:
    return [
        OpsCorrelatedEvent(
            at=row.received_at,
            kind="control",
            component="console.controls",
            layer="L4",
            severity=OpsSeverity.INFO if row.outcome == ControlRun.Outcome.PASSED else OpsSeverity.ATTENTION,
            title=title_of(f"CTL-{row.control_id} {row.outcome} on {row.commit[:10]}: {row.effect_text}"),
            ref=f"CTL-{row.control_id}",
            page=("control", f"CTL-{row.control_id}"),
        )
        for row in rows
    ]
