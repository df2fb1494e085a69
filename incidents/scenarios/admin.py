"""Scenario runs in the admin: to look at."""

from django.contrib import admin

from incidents.scenarios.models import ScenarioRun
from readiness.infra.admin import ReadOnlyAdmin


@admin.register(ScenarioRun)
class ScenarioRunAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "scenario", "outcome", "reason", "incident", "actor")
    list_filter = ("scenario", "outcome")
