"""Founders' rules for classes and layers in the admin: tried on the newest stored errors before they are saved."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from incidents.errors.models import ComponentRule, ExceptionRule
from incidents.errors.workflows.classifying import (
    RuleEdit,
    RuleTrial,
    component_rule_delete,
    component_rule_save,
    component_rule_try,
    exception_rule_delete,
    exception_rule_save,
    exception_rule_try,
    rule_contradictions,
)
from readiness.infra.admin import WorkflowAdmin, WorkflowForm
from readiness.infra.envelope import ALLOWED_FAMILIES, FAMILIES, LAYER_NAMES, LAYERS, ErrorClass
from readiness.infra.refusals import Refusal
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find, projects_read

EVERYBODY = 0
TRY = "_try"
_TRIAL = "_class_rule_trial"
_MOST_TOLD = 5
_CLASSES: list[Any] = [
    (family, [(one.value, f"{one.value}: {one.when}") for one in ErrorClass if one.family == family])
    for family in FAMILIES
]
_LAYERS: list[Any] = [
    (layer, f"{layer}, {LAYER_NAMES[layer]} (may emit {', '.join(sorted(ALLOWED_FAMILIES[layer]))})")
    for layer in LAYERS
]
_GLOB = {"class": "vTextField", "spellcheck": "false", "autocapitalize": "off"}


class _RuleForm(WorkflowForm):
    tenant = forms.CharField(required=False, max_length=63, label="Tenant", help_text="Its slug. Empty: every project.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in {"error_class": _CLASSES, "layer": _LAYERS}.items():
            if not isinstance(outcome := self.fields.get(name), forms.TypedChoiceField):
                continue
            outcome.choices = choices
            outcome.help_text = format_html(
                '<a href="{}">When to use which class, and which layer may emit it</a>', reverse("taxonomy")
            )
        if "tenant" in self.fields and self.instance.project_id != EVERYBODY:
            project = projects_read(project_ids=[self.instance.project_id]).get(self.instance.project_id)
            self.fields["tenant"].initial = project.tenant.slug if project else ""

    def clean_tenant(self) -> str:
        """The slug; `cleaned_data["project_id"]` is its project."""
        slug = str(self.cleaned_data["tenant"]).strip()
        project = project_find(tenant_slug=slug) if slug else None
        if slug and project is None:
            raise ValidationError(
                f"There is no tenant {slug}. Leave it empty for every project, or onboard the tenant first."
            )
        self.cleaned_data["project_id"] = project.pk if project else EVERYBODY
        return slug


class ExceptionRuleForm(_RuleForm):
    """`tenant` says whose rule it is."""

    class Meta:
        model = ExceptionRule
        fields = ("pattern", "error_class", "position", "note", "active")
        labels: ClassVar = {"pattern": "Exception type", "error_class": "Class"}
        help_texts: ClassVar = {
            "pattern": "A glob, blind to case, over the whole type with or without its module: *.OperationalError, "
            "stripe.error.*, *Timeout*. * is any characters, ? one, [ab] one of these.",
            "position": "The active rule with the smallest number wins; a tenant's own come before everybody's.",
            "note": "Why, for the others.",
            "active": "Holds in every process within two seconds, for errors that come from then on.",
        }
        widgets: ClassVar = {
            "pattern": forms.TextInput(attrs=_GLOB),
            "note": forms.TextInput(attrs={"class": "vTextField"}),
        }


class ComponentRuleForm(_RuleForm):
    """`tenant` says whose rule it is."""

    class Meta:
        model = ComponentRule
        fields = ("pattern", "layer", "position", "note", "active")
        labels: ClassVar = {"pattern": "Component"}
        help_texts: ClassVar = {
            **ExceptionRuleForm.Meta.help_texts,
            "pattern": "A glob, blind to case, over the whole component: billing.*, shop.tasks*, *.adapters.*. * is "
            "any characters, ? one, [ab] one of these.",
        }
        widgets: ClassVar = ExceptionRuleForm.Meta.widgets


class _RuleAdmin(WorkflowAdmin):
    """Founders only. `outcome`: the field that says what a fitting error becomes."""

    outcome = ""
    deletable = True
    actions = None
    change_form_template = "admin/errors/class_rule_form.html"
    change_list_template = "admin/errors/class_rule_list.html"
    list_filter = ("active",)
    search_fields = ("pattern", "note")
    ordering = ("-project_id", "position", "id")
    rule_save: Callable[..., Model]
    rule_try: Callable[..., RuleTrial]
    rule_delete: Callable[..., None]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        whose = "tenant" if self.has_change_permission(request) else "place"
        return ("pattern", self.outcome, whose, "position", "note", "active")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return () if self.has_change_permission(request) else ("place",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_founder(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_founder(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return _is_founder(request)

    @admin.display(description="For", ordering="project_id")
    def place(self, rule: Any) -> str:
        if rule.project_id == EVERYBODY:
            return "every project"
        project = projects_read(project_ids=[rule.project_id]).get(rule.project_id)
        return f"{project.tenant.slug}, project {rule.project_id}" if project else f"project {rule.project_id}"

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> type[WorkflowForm]:
        form = super().get_form(request, obj, change, **kwargs)
        if TRY not in request.POST or not _is_founder(request):
            return form
        return _tried_form(form, request, self._trial)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        tried: RuleTrial | None = getattr(request, _TRIAL, None)
        if tried is not None:  # what kept the form from saving is no error
            context |= {"tried": tried, "errors": None, "title": "Tried, not saved yet"}
        return super().render_change_form(request, context, *args, **kwargs)

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        edit = self._edit(form)
        saved = type(self).rule_save(edit=edit, actor=actor_of(request))
        told = rule_contradictions(edit=edit, kind=self.outcome) if edit.active else ()
        for line in told[:_MOST_TOLD]:
            messages.warning(
                request, f"Not both can hold for one error: {line}. Where both fit, the class holds, not that layer."
            )
        return saved

    def workflow_delete(self, request: HttpRequest, obj: Any) -> None:
        type(self).rule_delete(rule_id=obj.pk, actor=actor_of(request))

    def _edit(self, form: Any) -> RuleEdit:
        given = form.cleaned_data
        return RuleEdit(
            id=form.instance.pk, project_id=given["project_id"], position=given["position"],
            pattern=given["pattern"].strip(), outcome=given[self.outcome], note=given["note"], active=given["active"],
        )  # fmt: skip

    def _trial(self, form: Any) -> RuleTrial:
        return type(self).rule_try(edit=self._edit(form))


@admin.register(ExceptionRule)
class ExceptionRuleAdmin(_RuleAdmin):
    """Exception type → class."""

    form = ExceptionRuleForm
    outcome = "error_class"
    list_display = ("pattern", "error_class", "place", "position", "active", "note")
    rule_save = staticmethod(exception_rule_save)
    rule_try = staticmethod(exception_rule_try)
    rule_delete = staticmethod(exception_rule_delete)


@admin.register(ComponentRule)
class ComponentRuleAdmin(_RuleAdmin):
    """Component → layer."""

    form = ComponentRuleForm
    outcome = "layer"
    list_display = ("pattern", "layer", "place", "position", "active", "note")
    rule_save = staticmethod(component_rule_save)
    rule_try = staticmethod(component_rule_try)
    rule_delete = staticmethod(component_rule_delete)


def _tried_form(
    form: type[WorkflowForm], request: HttpRequest, trial: Callable[[Any], RuleTrial]
) -> type[WorkflowForm]:
    """The form, which leaves a trial with the request and does not get as far as saving."""

    class Tried(form):  # type: ignore[valid-type, misc]
        def clean(self) -> Any:
            cleaned = super().clean()
            if self.errors:
                return cleaned
            try:
                setattr(request, _TRIAL, trial(self))
            except Refusal as refusal:
                for error in refusal.errors:
                    self.add_error(error.pointer.lstrip("/"), error.detail)
                self.add_error(None, ValidationError(refusal.detail))
            else:
                self.add_error(None, ValidationError("Tried, not saved yet."))
            return cleaned

    return Tried


def _is_founder(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.role == User.Role.FOUNDER
