"""Founders' scrubbing rules in the admin: tried, before they are saved, on a sample and on the newest stored errors."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from incidents.errors.models import ScrubRule
from incidents.errors.workflows.scrubbing import (
    MAX_SAMPLE,
    scrub_rule_delete,
    scrub_rule_save,
    scrub_rule_try,
)
from readiness.infra.admin import WorkflowAdmin, WorkflowForm
from readiness.infra.refusals import FieldError, Invalid, Refusal
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find, projects_read

EVERYBODY = 0
TRY = "_try"
_TRIAL = "_scrub_trial"


class ScrubRuleForm(WorkflowForm):
    """`tenant` is asked for once, when a rule is made."""

    tenant = forms.CharField(required=False, max_length=63, label="Tenant", help_text="Its slug. Empty: every project.")
    sample = forms.CharField(
        required=False,
        max_length=MAX_SAMPLE,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 5, "cols": 80}),
        help_text="A text as it stands in an error, or JSON for a rule over keys. “Try it” shows what goes; of what "
        "you write here only what the rule leaves is kept.",
    )

    class Meta:
        model = ScrubRule
        fields = ("name", "target", "pattern", "sample", "active")
        help_texts = {
            "name": "What it takes out, for the others: “customer numbers”.",
            "target": "Keys are names in extra, tags, contexts, headers, breadcrumbs, kept input; values all texts.",
            "pattern": r"An RE2 pattern, blind to case and found anywhere in a text, such as cust-\d{6}. RE2 takes "
            "linear time whatever it reads; it knows no look-around and no back-references.",
            "active": "Holds in every process within two seconds, for errors that come from then on.",
        }
        widgets = {
            "name": forms.TextInput(attrs={"class": "vTextField"}),
            "target": forms.RadioSelect,
            "pattern": forms.TextInput(attrs={"class": "vTextField", "spellcheck": "false", "autocapitalize": "off"}),
        }


@admin.register(ScrubRule)
class ScrubRuleAdmin(WorkflowAdmin):
    """Founders only. A rule removes more than the floor that always holds, never less."""

    form = ScrubRuleForm
    deletable = True
    actions = None
    list_display = ("name", "place", "target", "pattern", "active")
    list_filter = ("target", "active")
    search_fields = ("name", "pattern")
    ordering = ("project_id", "id")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("tenant" if obj is None else "place", "name", "target", "pattern", "sample", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return () if obj is None else ("place",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_founder(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_founder(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_founder(request)

    @admin.display(description="For", ordering="project_id")
    def place(self, rule: ScrubRule) -> str:
        if rule.project_id == EVERYBODY:
            return "every project"
        project = projects_read(project_ids=[rule.project_id]).get(rule.project_id)
        return f"{project.tenant.slug}, project {rule.project_id}" if project else f"project {rule.project_id}"

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> type[WorkflowForm]:
        form = super().get_form(request, obj, change, **kwargs)
        return _tried_form(form, request) if TRY in request.POST and _is_founder(request) else form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        trial = getattr(request, _TRIAL, None)
        if trial is not None:  # what kept the form from saving is no error
            context |= {"trial": trial, "errors": None, "title": "Tried, not saved yet"}
        return super().render_change_form(request, context, *args, **kwargs)

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        project_id = obj.project_id if change else _project_of(form.cleaned_data["tenant"].strip())
        return scrub_rule_save(
            rule_id=obj.pk if change else None, project_id=project_id, name=obj.name, target=obj.target,
            pattern=obj.pattern, sample=obj.sample, active=obj.active, actor=actor_of(request),
        )  # fmt: skip

    def workflow_delete(self, request: HttpRequest, obj: Any) -> None:
        scrub_rule_delete(rule_id=obj.pk, actor=actor_of(request))


def _tried_form(form: type[WorkflowForm], request: HttpRequest) -> type[WorkflowForm]:
    """The form, which leaves a trial with the request and does not get as far as saving."""

    class Tried(form):  # type: ignore[valid-type, misc]
        def clean(self) -> Any:
            cleaned = super().clean()
            if self.errors:
                return cleaned
            try:
                trial = _trial(self.instance, cleaned)
            except Refusal as refusal:
                for error in refusal.errors:
                    self.add_error(error.pointer.lstrip("/"), error.detail)
                self.add_error(None, ValidationError(refusal.detail))
            else:
                setattr(request, _TRIAL, trial)
                self.add_error(None, ValidationError("Tried, not saved yet."))
            return cleaned

    return Tried


def _trial(rule: ScrubRule, given: dict[str, Any]) -> Any:
    project_id = rule.project_id if rule.pk else _project_of(given["tenant"].strip())
    return scrub_rule_try(
        rule_id=rule.pk, project_id=project_id, target=given["target"], pattern=given["pattern"], sample=given["sample"]
    )


def _is_founder(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.role == User.Role.FOUNDER


def _project_of(tenant: str) -> int:
    """The tenant's project; EVERYBODY without one. Raises Invalid."""
    if not tenant:
        return EVERYBODY
    project = project_find(tenant_slug=tenant)
    if project is None:
        detail = f"There is no tenant {tenant}. Leave it empty for every project, or onboard the tenant first."
        raise Invalid(detail, errors=[FieldError("/tenant", detail)])
    return project.pk
