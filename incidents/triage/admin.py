"""Incidents and their timelines in the admin: to look at. What changes an incident is a move on its page."""

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from incidents.triage.models import Incident, TimelineEntry
from readiness.infra.admin import ReadOnlyAdmin


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
