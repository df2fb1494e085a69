"""A project's own capture settings: the limits that founders set. An empty field is the installation's default."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from incidents.errors.models import CaptureSettings
from incidents.errors.workflows import capture_limits_set, capture_settings_find, limits_default
from readiness.infra.admin import WorkflowAdmin, WorkflowForm
from readiness.infra.refusals import Conflict, FieldError, Invalid
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find, projects_read

EVERYBODY = 0
_LIMITS = ("key_per_minute", "incident_per_minute", "spike_factor")
_LABELS = {
    "key_per_minute": "Errors a minute of one key",
    "incident_per_minute": "Errors a minute of one incident kept in full",
    "spike_factor": "A spike is so many times the usual minute",
}


def _help(name: str) -> str:
    default = limits_default()
    return {
        "key_per_minute": (
            "What a key sends beyond it is refused (429) until the minute ends; SDKs hold back by themselves. Counted, "
            f"not kept. Empty: {_shown(default.key_per_minute)}, the installation's. 0: no limit."
        ),
        "incident_per_minute": (
            "Beyond it an incident's errors are counted, and one in ten, a hundred, a thousand is kept. Other "
            f"incidents notice nothing. {default.burst_minutes} minutes' worth may come at once. Empty: "
            f"{_shown(default.incident_per_minute)}, the installation's. 0: everything is kept."
        ),
        "spike_factor": (
            "An incident known for an hour that comes so many times as often as usual (600 a minute at least) is "
            f"sampled from there on. Empty: {_shown(default.spike_factor)}, the installation's. 0: no such limit."
        ),
    }[name]


def _shown(value: int) -> str:
    return f"{value:,}" if value else "none"


class CaptureSettingsForm(WorkflowForm):
    """`tenant` is asked for once, when the settings are made."""

    tenant = forms.CharField(
        required=False, max_length=63, label="Tenant", help_text="Its slug. Empty: for every project without its own."
    )

    class Meta:
        model = CaptureSettings
        fields = _LIMITS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _LIMITS:
            if name in self.fields:  # a viewer's page has none
                self.fields[name].label, self.fields[name].help_text = _LABELS[name], _help(name)


@admin.register(CaptureSettings)
class CaptureSettingsAdmin(WorkflowAdmin):
    """Founders only: a limit decides what is not kept. It holds in every process within two seconds."""

    form = CaptureSettingsForm
    list_display = ("place", *_LIMITS)
    ordering = ("project_id",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("tenant" if obj is None else "place", *_LIMITS)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return () if obj is None else ("place",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_founder(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_founder(request)

    @admin.display(description="For", ordering="project_id", empty_value="?")
    def place(self, row: CaptureSettings) -> str:
        if row.project_id == EVERYBODY:
            return "every project without its own"
        project = projects_read(project_ids=[row.project_id]).get(row.project_id)
        return f"{project.tenant.slug}, project {row.project_id}" if project else f"project {row.project_id}"

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        project_id = obj.project_id if change else _project_of(form.cleaned_data["tenant"].strip())
        limits = {name: form.cleaned_data[name] for name in _LIMITS}
        return capture_limits_set(project_id=project_id, **limits, actor=actor_of(request))


def _is_founder(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.role == User.Role.FOUNDER


def _project_of(tenant: str) -> int:
    """The project of a tenant that has no settings yet. Raises Invalid, Conflict."""
    project_id = EVERYBODY
    if tenant:
        project = project_find(tenant_slug=tenant)
        if project is None:
            detail = f"There is no tenant {tenant}. Leave it empty for every project, or onboard the tenant first."
            raise Invalid(detail, errors=[FieldError("/tenant", detail)])
        project_id = project.pk
    if capture_settings_find(project_id=project_id) is not None:
        detail = "There are settings for this already; change those in the list."
        raise Conflict(detail, errors=[FieldError("/tenant", detail)])
    return project_id
