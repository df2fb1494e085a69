"""Two kinds of admin page: read-only ones, and ones whose every save is a workflow.

    @admin.register(Flag)                                    @admin.register(ErrorEvent)
    class FlagAdmin(WorkflowAdmin):                          class ErrorEventAdmin(ReadOnlyAdmin):
        def workflow_save(self, request, obj, form, change):     list_display = (…)
            return flag_set(…, actor=actor_of(request))

A plain save in the admin never reaches a table: the guard of readiness.infra.transactions refuses it.
"""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html

from readiness.infra.refusals import Forbidden, Refusal

if TYPE_CHECKING:  # Django's classes take type arguments in the stubs only
    _ModelAdmin = admin.ModelAdmin[Any]
    WorkflowForm = ModelForm[Any]
else:
    _ModelAdmin = admin.ModelAdmin
    WorkflowForm = ModelForm

_REFUSAL = "_workflow_refusal"
_CORRELATED = ("correlation_id", "first_correlation_id")


def correlation_link(correlation_id: str | None) -> str:
    """A record's correlation, as a link to what happened together under it."""
    if not correlation_id:
        return "None: it happened outside any trace."
    try:
        url = reverse("correlation", args=[correlation_id])
    except NoReverseMatch:  # a sender's own id may hold what no address can
        return correlation_id
    return format_html('<a href="{}">{}</a>', url, correlation_id)


class ReadOnlyAdmin(_ModelAdmin):
    """No add, no change, no delete, no bulk action, whatever the role. Who may look is the role's affair. A record that
    names its correlation leads to the page of what happened together.
    """

    actions = None
    list_per_page = 50
    show_full_result_count = False  # counts the whole table on every page otherwise

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        fields = super().get_fields(request, obj)
        return ["correlation" if name in _CORRELATED else name for name in fields]

    @admin.display(description="Correlation")
    def correlation(self, obj: Any) -> str:
        known = (getattr(obj, name, None) for name in _CORRELATED)
        return correlation_link(next((found for found in known if found), None))


class WorkflowAdmin(_ModelAdmin):
    """Saving and deleting call a workflow; a Refusal is shown on the form, with the input kept and nothing written.

    Override `workflow_save` (adding: `change` is False), and `workflow_delete` together with `deletable = True`. A
    FieldError whose pointer is `/<form field>` stands beside its field. Inlines that may be edited need `save_formset`.
    """

    deletable = False
    list_per_page = 50
    show_full_result_count = False

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        """Call the workflow with the form's values (they are on `obj` too, unsaved); the saved row."""
        raise Forbidden(f"A {self.opts.verbose_name} cannot be edited in the admin.")

    def workflow_delete(self, request: HttpRequest, obj: Any) -> None:
        """Call the workflow that deletes."""
        raise Forbidden(f"A {self.opts.verbose_name} cannot be deleted in the admin.")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.deletable and super().has_delete_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        saved = self.workflow_save(request, obj, form, change)
        obj.pk = saved.pk  # the admin goes on with its own instance: its log entry and its redirect name it
        obj._state.adding = False
        obj.refresh_from_db()

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        if formset.has_changed():
            raise Forbidden("The rows below this form cannot be edited here; nothing was changed.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.workflow_delete(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.workflow_delete(request, obj)

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> type[WorkflowForm]:
        form = super().get_form(request, obj, change, **kwargs)
        refusal: Refusal | None = getattr(request, _REFUSAL, None)
        return form if refusal is None else _refused_form(form, refusal)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refusal as refusal:
            # Its transaction is rolled back. Once more, with a form that says why and does not get as far as saving.
            setattr(request, _REFUSAL, refusal)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except Refusal as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(
                reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=(object_id,))
            )

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        try:
            return super().changelist_view(request, extra_context)
        except Refusal as refusal:
            messages.error(request, refusal.detail)
            return HttpResponseRedirect(request.get_full_path())


def _refused_form(form: type[WorkflowForm], refusal: Refusal) -> type[WorkflowForm]:
    """The form, which now says why the workflow refused its values."""

    class Refused(form):  # type: ignore[valid-type, misc]
        def clean(self) -> Any:
            cleaned = super().clean()
            for error in refusal.errors:
                if error.pointer.lstrip("/") in self.fields:
                    self.add_error(error.pointer.lstrip("/"), error.detail)
            self.add_error(None, ValidationError(refusal.detail))
            return cleaned

    return Refused
