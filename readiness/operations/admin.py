"""Operations in the admin: read-only tables, and the Health card on the admin's first page (requirement 237)."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from readiness.infra.admin import ReadOnlyAdmin
from readiness.operations.models import JobRun, Reconciliation, ReconciliationRun
from readiness.operations.workflows.reconciling import reconciliation_health


def index(request: HttpRequest) -> HttpResponse:
    """The admin's first page; urls.py puts it before the admin's own."""
    return admin.site.admin_view(_index)(request)


def _index(request: HttpRequest) -> HttpResponse:
    return admin.site.index(request, extra_context={"health": reconciliation_health()})


@admin.register(JobRun)
class JobRunAdmin(ReadOnlyAdmin):
    list_display = ("job", "outcome", "started_at", "finished_at", "summary", "error_id", "triggered_by")
    list_filter = ("job", "outcome")
    ordering = ("-finished_at",)


@admin.register(Reconciliation)
class ReconciliationAdmin(ReadOnlyAdmin):
    list_display = ("title", "source", "destination", "alert_above")


@admin.register(ReconciliationRun)
class ReconciliationRunAdmin(ReadOnlyAdmin):
    list_display = ("finished_at", "reconciliation", "status", "drift_percent", "alert", "repaired", "summary")
    list_filter = ("status", "alert")
    list_select_related = ("reconciliation",)
    ordering = ("-finished_at",)
