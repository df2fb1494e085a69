"""Incidents and what happened to them in the admin: to look at; what changes an incident is a move on its page. The
escalation path is edited here.
"""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from incidents.triage.models import (
    DailySummary,
    EscalationContact,
    Incident,
    IncidentMove,
    PostMortem,
    TimelineEntry,
)
from incidents.triage.workflows.contacts import contact_remove, contact_save
from readiness.infra.admin import ReadOnlyAdmin, WorkflowAdmin
from readiness.tenants.access import actor_of


@admin.register(Incident)
class IncidentAdmin(ReadOnlyAdmin):
    list_display = ("public_id", "title", "component", "status", "priority", "occurrences", "last_seen", "synthetic")
    list_filter = ("status", "priority", "ops_severity", "category", "synthetic", "hidden")
    search_fields = ("title", "component")
    date_hierarchy = "last_seen"
    readonly_fields = ("on_the_console",)

    @admin.display(description="On the console")
    def on_the_console(self, incident: Incident) -> str:
        return format_html('<a href="{}">{}</a>', reverse("incident", args=[incident.public_id]), incident.public_id)


@admin.register(TimelineEntry)
class TimelineEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "incident", "kind", "text", "actor")
    list_filter = ("kind",)
    list_select_related = ("incident",)
    search_fields = ("text", "actor")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated


@admin.register(EscalationContact)
class EscalationContactAdmin(WorkflowAdmin):
    """Who is told at which step when nobody takes an incident; a step without anybody is the founders'."""

    deletable = True
    list_display = ("step", "address", "name", "project_id")
    list_filter = ("step",)
    list_select_related = ("user",)
    fields = ("step", "user", "name", "email", "project_id")

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        return contact_save(
            step=obj.step,
            project_id=obj.project_id,
            user_id=obj.user_id,
            name=obj.name,
            email=obj.email,
            actor=actor_of(request),
            contact_id=obj.pk if change else None,
        )

    def workflow_delete(self, request: HttpRequest, obj: Any) -> None:
        contact_remove(contact_id=obj.pk, actor=actor_of(request))


@admin.register(IncidentMove)
class IncidentMoveAdmin(ReadOnlyAdmin):
    list_display = ("at", "incident", "kind", "text", "actor", "revision")
    list_filter = ("kind",)
    list_select_related = ("incident",)
    search_fields = ("text", "actor")


@admin.register(PostMortem)
class PostMortemAdmin(ReadOnlyAdmin):
    list_display = ("incident", "revision", "author", "written_at")
    list_select_related = ("incident",)
    search_fields = ("summary", "author")


@admin.register(DailySummary)
class DailySummaryAdmin(ReadOnlyAdmin):
    list_display = ("day", "published_at")
