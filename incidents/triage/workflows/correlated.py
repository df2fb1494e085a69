"""Readers of settings.READINESS_CORRELATION_READERS: what triage and the subjects below it recorded under an id."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from django.db.models import Model, QuerySet

from flags.models import FlagRevision
from flags.store import revisions_correlated
from incidents.errors.models import ErrorEvent, Span, UserReport
from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.errors.store.correlated import errors_correlated, reports_correlated, spans_correlated
from incidents.triage import store
from incidents.triage.models import TimelineEntry
from incidents.triage.services.correlations import CorrelationSlice, OpsCorrelatedEvent, title_of
from incidents.triage.services.severity import OpsSeverity, ops_severity_compute
from readiness.infra.envelope import ErrorClass, ErrorSeverity
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_correlated

M = TypeVar("M", bound=Model)
COUNTED_TO = 10_000
_GRAVE_ENTRIES = {
    "detected": OpsSeverity.ATTENTION,
    "recurred": OpsSeverity.ACTION,
    "control-broken": OpsSeverity.ACTION,
    "control-ineffective": OpsSeverity.ACTION,
    "control-stale": OpsSeverity.ATTENTION,
    "control-overdue": OpsSeverity.ATTENTION,
}


def slice_read(
    source: str,
    rows: QuerySet[M],
    *,
    limit: int,
    read: Callable[[Sequence[M]], Sequence[OpsCorrelatedEvent]],
) -> CorrelationSlice:
    """The first `limit` rows as events. One query; a second one counts when there are more, to COUNTED_TO."""
    found = list(rows[: limit + 1])
    total = len(found) if len(found) <= limit else rows[:COUNTED_TO].count()
    shown = found[:limit]
    return CorrelationSlice(source, read(shown), len(shown), total)


# --- capture --------------------------------------------------------------------------------------------------------


def error_severity(row: ErrorEvent) -> OpsSeverity:
    """What this one error asks of an operator."""
    return ops_severity_compute(
        severity=ErrorSeverity(row.severity), error_class=ErrorClass(row.error_class), occurrences=1
    )


def error_title(row: ErrorEvent) -> str:
    """`KeyError: 'total'`."""
    said = title_of(row.message)
    return title_of(f"{row.exception_type}: {said}" if row.exception_type else said) or row.error_class


def errors_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """Stored errors, each with its incident. Two queries."""
    rows = errors_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("errors", rows, limit=limit, read=_errors)


def _errors(rows: Sequence[ErrorEvent]) -> list[OpsCorrelatedEvent]:
    keys = {(row.project_id, GROUPING_VERSION, row.fingerprint) for row in rows}
    incidents = {(key[0], key[2]): pk for key, pk in store.incidents_by_fingerprint(sorted(keys)).items()}
    return [_error(row, incidents.get((row.project_id, row.fingerprint))) for row in rows]


def _error(row: ErrorEvent, incident: int | None) -> OpsCorrelatedEvent:
    public_id = f"INC-{incident}" if incident else None
    return OpsCorrelatedEvent(
        at=row.timestamp,
        kind="error",
        component=row.component,
        layer=row.layer,
        severity=error_severity(row),
        title=error_title(row),
        ref=row.error_id,
        incident=public_id,
        page=("incident", public_id) if public_id else (),
    )


def spans_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """The spans that OTLP brought of this trace. One query."""
    rows = spans_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("spans", rows, limit=limit, read=lambda found: [_span(row) for row in found])


def _span(row: Span) -> OpsCorrelatedEvent:
    return OpsCorrelatedEvent(
        at=row.started_at,
        kind="span",
        component=row.component,
        layer="",
        severity=OpsSeverity.ATTENTION if row.status == "error" else OpsSeverity.INFO,
        title=title_of(row.name),
        ref=row.span_id,
        took=timedelta(microseconds=row.duration_us),
        parent=row.parent_span_id,
    )


def reports_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """What users said about it. One query."""
    rows = reports_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("reports", rows, limit=limit, read=lambda found: [_report(row) for row in found])


def _report(row: UserReport) -> OpsCorrelatedEvent:
    return OpsCorrelatedEvent(
        at=row.created_at,
        kind="report",
        component="a user",
        layer="",
        severity=OpsSeverity.ATTENTION,
        title=f"A user wrote: {title_of(row.comments)}",
        ref=row.report_id,
    )


# --- incidents ------------------------------------------------------------------------------------------------------


def timeline_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """What it did to incidents: opened them, brought them back, moved them. One query."""
    rows = store.timeline_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("incidents", rows, limit=limit, read=lambda found: [_entry(row) for row in found])


def _entry(row: TimelineEntry) -> OpsCorrelatedEvent:
    public_id = f"INC-{row.incident_id}"
    return OpsCorrelatedEvent(
        at=row.at,
        kind="incident",
        component="console.incidents",
        layer="L4",
        severity=_GRAVE_ENTRIES.get(row.kind, OpsSeverity.INFO),
        title=title_of(f"{public_id} {row.kind.replace('-', ' ')}: {row.text}"),
        ref=public_id,
        incident=public_id,
        page=("incident", public_id),
    )


# --- flags ----------------------------------------------------------------------------------------------------------


def flags_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """Flags that were changed. One query."""
    rows = revisions_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("flags", rows, limit=limit, read=lambda found: [_revision(row) for row in found])


def _revision(row: FlagRevision) -> OpsCorrelatedEvent:
    why = f": {row.reason}" if row.reason else ""
    return OpsCorrelatedEvent(
        at=row.at,
        kind="flag",
        component="console.flags",
        layer="L4",
        severity=OpsSeverity.ATTENTION if row.action == "killed" else OpsSeverity.INFO,
        title=title_of(f"Flag {row.key} {row.action} in {row.environment} by {row.actor_name}{why}"),
        ref=row.key,
        page=("flag", row.key),
    )


# --- the outbox -----------------------------------------------------------------------------------------------------


def outbox_read(*, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice:
    """What a commit left to be done, and what became of it. One query."""
    rows = outbox_correlated(correlation_id=correlation_id, project_id=project_id)
    return slice_read("outbox", rows, limit=limit, read=lambda found: [e for row in found for e in _message(row)])


def _message(row: OutboxMessage) -> list[OpsCorrelatedEvent]:
    def event(at: datetime, severity: OpsSeverity, said: str) -> OpsCorrelatedEvent:
        return OpsCorrelatedEvent(
            at=at,
            kind="outbox",
            component=f"outbox.{row.topic}",
            layer="L5",
            severity=severity,
            title=title_of(f"{row.topic} {row.key} {said}"),
            ref=f"outbox-{row.pk}",
            page=("operations",),
        )

    waits = row.delivered_at is None and row.dead_at is None and row.attempts
    failed = f"; {row.attempts} failed tries so far, it is tried again" if waits else ""
    severity = OpsSeverity.ATTENTION if waits else OpsSeverity.INFO
    events = [event(row.created_at, severity, f"is to be done after the commit{failed}")]
    tries = f"at try {row.attempts}" if row.attempts > 1 else "at the first try"
    if row.delivered_at is not None:
        events.append(event(row.delivered_at, OpsSeverity.INFO, f"was delivered {tries}"))
    elif row.dead_at is not None:
        said = f"was given up after {row.attempts} tries: {row.last_error}"
        events.append(event(row.dead_at, OpsSeverity.ACTION, said))
    return events
