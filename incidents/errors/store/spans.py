"""Capture's queries: spans, which wait for an error of their trace and are kept or forgotten."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import Count

from incidents.errors.models import ErrorEvent, Span
from incidents.errors.services.otlp.spans import SpanRow
from incidents.errors.store.writing import MAX_ROWS
from readiness.infra.bulk_sql import rows_insert
from readiness.infra.vendor_sql import moment

_COLUMNS = (
    "project_id", "trace_id", "span_id", "parent_span_id", "name", "component", "kind", "status", "started_at",
    "duration_us", "attributes", "created_at", "kept",
)  # fmt: skip
# How long before its spans an error may have been stored: bounds the look-up to a few daily partitions.
ERROR_BEFORE = timedelta(days=1)
_NAMES = 500


def spans_insert(rows: Sequence[SpanRow]) -> None:
    """Store spans, those that are there already left as they are. In key order: two requests never wait crosswise."""
    ordered = sorted(rows, key=lambda row: (row.trace_id, row.span_id))
    for start in range(0, len(ordered), MAX_ROWS):
        rows_insert(
            "infra_spans",
            _COLUMNS,
            [
                (
                    row.project_id, row.trace_id, row.span_id, row.parent_span_id, row.name, row.component, row.kind,
                    row.status, moment(row.started_at), row.duration_us, row.attributes, moment(row.created_at),
                    row.failing,
                )
                for row in ordered[start : start + MAX_ROWS]
            ],
            "ON CONFLICT (project_id, trace_id, span_id) DO NOTHING",
        )  # fmt: skip


def _chunks(trace_ids: Iterable[str]) -> Iterable[list[str]]:
    names = sorted(trace_ids)
    return (names[at : at + _NAMES] for at in range(0, len(names), _NAMES))


def span_counts(*, project_id: int, trace_ids: Collection[str]) -> dict[str, int]:
    """trace → how many of its spans are stored (the primary key leads with both)."""
    counts: dict[str, int] = {}
    for names in _chunks(trace_ids):
        rows = Span.objects.filter(project_id=project_id, trace_id__in=names)
        counts |= dict(rows.values_list("trace_id").annotate(total=Count("span_id")).order_by())
    return counts


def span_keys(*, project_id: int, trace_ids: Collection[str]) -> set[tuple[str, str]]:
    """(trace, span) of what is stored of these traces."""
    return {
        key
        for names in _chunks(trace_ids)
        for key in Span.objects.filter(project_id=project_id, trace_id__in=names).values_list("trace_id", "span_id")
    }


def traces_failing(*, project_id: int, trace_ids: Collection[str], since: datetime) -> set[str]:
    """Those of the traces that have an error stored since then (index infra_error_events_correlation)."""
    found: set[str] = set()
    for names in _chunks(trace_ids):
        rows = ErrorEvent.objects.filter(correlation_id__in=names, project_id=project_id, created_at__gte=since)
        found.update(name for name in rows.values_list("correlation_id", flat=True).distinct() if name)
    return found


def traces_waiting(*, before: datetime, limit: int) -> dict[int, set[str]]:
    """project → traces of the oldest `limit` spans that have waited since before then (index infra_spans_age)."""
    rows = Span.objects.filter(kept=False, created_at__lt=before).order_by("created_at")
    found: dict[int, set[str]] = {}
    for project_id, trace_id in rows.values_list("project_id", "trace_id")[:limit]:
        found.setdefault(project_id, set()).add(trace_id)
    return found


def spans_keep(*, project_id: int, trace_ids: Collection[str]) -> int:
    """Mark what is stored of these traces as kept; how many spans were not."""
    return sum(
        Span.objects.filter(project_id=project_id, trace_id__in=names, kept=False).update(kept=True)
        for names in _chunks(trace_ids)
    )


def spans_drop(*, project_id: int, trace_ids: Collection[str], before: datetime) -> int:
    """Forget the spans of these traces that have waited since before then; how many."""
    return sum(
        Span.objects.filter(project_id=project_id, trace_id__in=names, kept=False, created_at__lt=before).delete()[0]
        for names in _chunks(trace_ids)
    )


def spans_forget(*, before: datetime, limit: int) -> int:
    """Forget a batch of the kept spans from before then, the oldest first; how many."""
    oldest = Span.objects.filter(kept=True, created_at__lt=before).order_by("created_at")
    last = oldest.values_list("created_at", flat=True)[limit - 1 : limit].first()
    until = before if last is None else last
    rows = Span.objects.filter(kept=True, created_at__lt=before, created_at__lte=until)
    return rows.delete()[0]


def spans_of_trace(*, project_id: int, trace_id: str, limit: int) -> list[Span]:
    """A trace's spans, the earliest first."""
    rows = Span.objects.filter(project_id=project_id, trace_id=trace_id).order_by("started_at", "span_id")
    return list(rows[:limit])
