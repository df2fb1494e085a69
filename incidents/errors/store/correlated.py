"""What capture knows of one correlation: its errors, the spans of its trace, what users said. Each served by an index;
of one project unless `project_id` is None. The caller slices.
"""

from django.db.models import QuerySet

from incidents.errors.models import ErrorEvent, Span, UserReport


def errors_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[ErrorEvent]:
    """The earliest first, without their payloads."""
    rows = ErrorEvent.objects.defer("payload", "context", "exception_chain").filter(correlation_id=correlation_id)
    return (rows if project_id is None else rows.filter(project_id=project_id)).order_by("timestamp")


def spans_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[Span]:
    """The earliest first, without their attributes."""
    rows = Span.objects.defer("attributes").filter(trace_id=correlation_id)
    return (rows if project_id is None else rows.filter(project_id=project_id)).order_by("started_at", "span_id")


def reports_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[UserReport]:
    """The earliest first."""
    rows = UserReport.objects.filter(correlation_id=correlation_id).exclude(correlation_id="")
    return (rows if project_id is None else rows.filter(project_id=project_id)).order_by("created_at", "pk")


def correlations_recent(*, looked_at: int) -> list[ErrorEvent]:
    """The newest errors that belong to a correlation, among the `looked_at` that arrived last: their number bounds the
    cost, however few of them have one.
    """
    rows = ErrorEvent.objects.only("project_id", "error_id", "timestamp", "component", "message", "correlation_id")
    newest = rows.order_by("-created_at")[:looked_at]
    return [event for event in newest if event.correlation_id]
