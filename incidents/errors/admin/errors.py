"""Errors in the admin: their L3 view, never the row (132), and truly read-only."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.html import format_html, format_html_join

from incidents.errors.adapters import error_view
from incidents.errors.models import DroppedCount, ErrorSummary, LimitNotice
from incidents.errors.store.questions import event_find
from readiness.infra.admin import ReadOnlyAdmin

if TYPE_CHECKING:  # Django's class takes type arguments in the stubs only
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator

MOST = 10_000


class BoundedPaginator(_Paginator):
    """Counts at most 10,000 rows: a list's cost must not grow with what is stored."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return rows[:MOST].count()


@admin.register(ErrorSummary)
class ErrorAdmin(ReadOnlyAdmin):
    paginator = BoundedPaginator
    list_display = ("timestamp", "error_class", "severity", "component", "message_start", "release", "environment")
    list_filter = ("severity", "layer")
    search_fields = ("=error_id", "=correlation_id")
    search_help_text = "An error id or a correlation id"
    ordering = ("-created_at",)
    fields = (
        "error_id", "timestamp", "layer", "component", "error_class", "severity", "message", "correlation",
        "release", "environment", "what_happened",
    )  # fmt: skip

    @admin.display(description="Message")
    def message_start(self, error: ErrorSummary) -> str:
        return error.message[:120]

    @admin.display(description="What happened")
    def what_happened(self, error: ErrorSummary) -> str:
        event = event_find(project_id=error.project_id, error_id=error.error_id)
        if event is None:
            return "Its detail is past retention."
        frames = [
            (exception.type, exception.value[:200], frame.place, frame.function, frame.line or "")
            for exception in error_view(event).exceptions
            for frame in exception.frames[:5]
        ]
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}: {} — {} in {} {}</li>", frames))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ErrorSummary]:
        return ErrorSummary.objects.all()


@admin.register(DroppedCount)
class DroppedCountAdmin(ReadOnlyAdmin):
    list_display = ("hour", "project_id", "source", "category", "reason", "key", "incident_id", "quantity")
    list_filter = ("source", "reason", "key_kind")
    ordering = ("-hour",)
    paginator = BoundedPaginator

    @admin.display(description="Key")
    def key(self, drop: DroppedCount) -> str:
        return f"{drop.key_kind} {drop.key_id}" if drop.key_kind else ""


@admin.register(LimitNotice)
class LimitNoticeAdmin(ReadOnlyAdmin):
    list_display = ("first_at", "scope", "ref", "project_id", "text", "seen_by")
    list_filter = ("scope",)
    ordering = ("-first_at",)
