"""A project's own capture settings: the limits that founders set, and the raw input that it keeps.

An empty limit is the installation's default; without a field named nothing of raw input is kept.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from incidents.errors.models import CaptureSettings
from incidents.errors.workflows import capture_limits_set, capture_settings_find, limits_default, raw_input_set
from readiness.infra.admin import WorkflowAdmin, WorkflowForm
from readiness.infra.refusals import Conflict, FieldError, Invalid
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find, projects_read

EVERYBODY = 0
_LIMITS = ("key_per_minute", "incident_per_minute", "spike_factor")
_KEPT = ("kept_fields", "keep_ip")
_LABELS = {
    "kept_fields": "Input that is kept",
    "keep_ip": "Keep addresses",
    "key_per_minute": "Errors a minute of one key",
    "incident_per_minute": "Errors a minute of one incident kept in full",
    "spike_factor": "A spike is so many times the usual minute",
}


def _help(name: str) -> str:
    default = limits_default()
    return {
        "kept_fields": (
            "Request bodies, forms, queries, cookies and variables are hashed and dropped, but for the fields named "
            "here, one a line: request.data.order_id, request.query.page, request.cookies.theme, frame.vars.attempt; "
            "frame.vars.* for all of a kind. What is kept is scrubbed like everything else."
        ),
        "keep_ip": "IP addresses stay in texts, and the user's is kept; otherwise [ip] stands for each.",
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


class NamesField(forms.CharField):
    """A list of names, one a line."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        return [name.strip() for name in str(value or "").splitlines() if name.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class CaptureSettingsForm(WorkflowForm):
    """`tenant` is asked for once, when the settings are made."""

    tenant = forms.CharField(
        required=False, max_length=63, label="Tenant", help_text="Its slug. Empty: for every project without its own."
    )

    kept_fields = NamesField(required=False, max_length=10_000, widget=forms.Textarea(attrs={"rows": 5, "cols": 60}))

    class Meta:
        model = CaptureSettings
        fields = (*_LIMITS, *_KEPT)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in (*_LIMITS, *_KEPT):
            if name in self.fields:  # a viewer's page has none
                self.fields[name].label, self.fields[name].help_text = _LABELS[name], _help(name)


@admin.register(CaptureSettings)
class CaptureSettingsAdmin(WorkflowAdmin):
    """Founders only: a limit decides what is not kept. It holds in every process within two seconds."""

    form = CaptureSettingsForm
    list_display = ("place", *_LIMITS, "kept", "keep_ip")
    ordering = ("project_id",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("tenant" if obj is None else "place", *_LIMITS, *_KEPT)

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

    @admin.display(description="Input that is kept")
    def kept(self, row: CaptureSettings) -> str:
        return ", ".join(str(name) for name in row.kept_fields[:6]) + (" …" if len(row.kept_fields) > 6 else "")

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        project_id = obj.project_id if change else _project_of(form.cleaned_data["tenant"].strip())
        limits = {name: form.cleaned_data[name] for name in _LIMITS}
        # Both in the one transaction of the admin's page: a refusal of either saves nothing.
        capture_limits_set(project_id=project_id, **limits, actor=actor_of(request))
        return raw_input_set(
            project_id=project_id, kept_fields=obj.kept_fields, keep_ip=obj.keep_ip, actor=actor_of(request)
        )


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
