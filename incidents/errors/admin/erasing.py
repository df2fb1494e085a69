"""Erasure in the admin (GDPR, article 17): what was erased, and for founders a form with a preview in numbers."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse

from incidents.errors.admin.errors import BoundedPaginator
from incidents.errors.models import ErasedEvent
from incidents.errors.workflows import (
    Erasure,
    events_erase,
    events_erasure_preview,
    person_erase,
    person_erasure_preview,
)
from incidents.errors.workflows.erasing import MAX_REASON
from readiness.infra.admin import ReadOnlyAdmin
from readiness.infra.refusals import Forbidden, Refusal
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find


def _line() -> forms.TextInput:
    return forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"})


class ErasureForm(forms.Form):
    """Whose or which errors, and why. `project_id` is set once it is valid."""

    tenant = forms.CharField(max_length=63, widget=_line(), help_text="Its slug. Other tenants' errors stay.")
    person = forms.CharField(
        required=False,
        max_length=254,
        widget=_line(),
        help_text=(
            "As the SDK sent the user: their id; where it sent none, the user name, else the e-mail, else the address."
        ),
    )
    error_ids = forms.CharField(
        required=False,
        max_length=20_000,
        label="Or errors",
        widget=forms.Textarea(attrs={"rows": 3, "class": "vTextField"}),
        help_text="Error ids (err_…), one a line, instead of a person.",
    )
    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=_line(),
        help_text="Kept for good in the audit and on the incident: refer to the request, do not name the person.",
    )
    project_id = 0

    def clean_tenant(self) -> str:
        """It has to be there."""
        slug: str = self.cleaned_data["tenant"].strip()
        project = project_find(tenant_slug=slug)
        if project is None:
            raise forms.ValidationError(f"There is no tenant {slug}; Connect lists those that there are.")
        self.project_id = project.pk
        return slug

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        if bool(cleaned.get("person", "").strip()) == bool(cleaned.get("error_ids", "").split()):
            raise forms.ValidationError("Name either a person or errors by their ids.")
        return cleaned

    def preview(self) -> Erasure:
        """What would go. Raises Refusal."""
        if person := self.cleaned_data["person"]:
            return person_erasure_preview(project_id=self.project_id, person=person)
        return events_erasure_preview(project_id=self.project_id, error_ids=self.cleaned_data["error_ids"].split())

    def erase(self, request: HttpRequest) -> Erasure:
        """Take it. Raises Refusal."""
        who: dict[str, Any] = {"project_id": self.project_id, "actor": actor_of(request)}
        who["reason"] = self.cleaned_data["reason"]
        if person := self.cleaned_data["person"]:
            return person_erase(person=person, **who)
        return events_erase(error_ids=self.cleaned_data["error_ids"].split(), **who)


@admin.register(ErasedEvent)
class ErasedEventAdmin(ReadOnlyAdmin):
    """That errors were there, who erased them and why: nothing of what they were. Founders erase from here."""

    paginator = BoundedPaginator
    list_display = ("erased_at", "error_id", "project_id", "asked", "actor", "reason")
    fields = list_display
    search_fields = ("=error_id",)
    search_help_text = "An error id"
    ordering = ("-erased_at",)
    change_list_template = "admin/errors/erasedevent/change_list.html"

    @admin.display(description="Erased with")
    def asked(self, row: ErasedEvent) -> str:
        return "all of one person" if row.of_person else "its id"

    def get_urls(self) -> list[URLPattern]:
        erase = path("erase/", self.admin_site.admin_view(self.erase_view), name="errors_erasedevent_erase")
        return [erase, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "may_erase": _is_founder(request)})

    def erase_view(self, request: HttpRequest) -> HttpResponse:
        """First what would go, in numbers; then, confirmed, it goes. Raises Forbidden for all but founders."""
        if not _is_founder(request):
            raise Forbidden("Only founders erase what was captured; ask one of them.")
        form = ErasureForm(request.POST or None)
        would: Erasure | None = None
        if request.method == "POST" and form.is_valid():
            try:
                if "confirmed" in request.POST:
                    gone = form.erase(request)
                    messages.success(request, f"Erased: {gone.words}. Backups made before still hold it.")
                    return HttpResponseRedirect(reverse("admin:errors_erasedevent_changelist"))
                would = form.preview()
            except Refusal as refusal:
                _refuse(form, refusal)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Erase what is stored of a person, or errors",
            "form": form,
            "would": would,
        }
        return render(request, "admin/errors/erasedevent/erase.html", context, status=422 if form.errors else 200)


def _refuse(form: ErasureForm, refusal: Refusal) -> None:
    for error in refusal.errors:
        if (name := error.pointer.lstrip("/")) in form.fields:
            form.add_error(name, refusal.detail)
            return
    form.add_error(None, refusal.detail)


def _is_founder(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.role == User.Role.FOUNDER
