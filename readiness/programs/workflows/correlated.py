"""Readers of settings.READINESS_CORRELATION_READERS: evidence received and verdicts recorded under a correlation id."""

from incidents.triage.services.correlations import CorrelationSlice, OpsCorrelatedEvent, title_of
from incidents.triage.services.severity import OpsSeverity
from incidents.triage.workflows import slice_read
from readiness.programs import store
from readiness.programs.models import Evidence, Verdict


def evidence_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """Evidence. One query."""
    rows = store.evidence_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("evidence", rows, limit=limit, read=lambda found: [_evidence(row) for row in found])


def _evidence(row: Evidence) -> OpsCorrelatedEvent:
    return OpsCorrelatedEvent(
        at=row.received_at,
        kind="evidence",
        component="console.evidence",
        layer="L4",
        severity=OpsSeverity.ATTENTION if row.outcome == "failed" else OpsSeverity.INFO,
        title=title_of(f"{row.public_id} received from {row.actor_name}: {row.title}"),
        ref=row.public_id,
        page=("program-evidence", row.program.slug) if row.program else (),
    )


def verdicts_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """Verdicts. One query."""
    rows = store.verdicts_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("verdicts", rows, limit=limit, read=lambda found: [_verdict(row) for row in found])


def _verdict(row: Verdict) -> OpsCorrelatedEvent:
    blockers = f", {row.blockers} blocker{'' if row.blockers == 1 else 's'}" if row.blockers else ""
    return OpsCorrelatedEvent(
        at=row.evaluated_at,
        kind="verdict",
        component="console.verdicts",
        layer="L4",
        severity=OpsSeverity.INFO,
        title=title_of(f"{row.program.slug}: {row.verdict} recorded{blockers} ({row.cause})"),
        ref=f"{row.program.slug} #{row.sequence}",
        page=("program-history", row.program.slug),
    )
