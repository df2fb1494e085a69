"""The admin of people, tenants, projects and keys. Every save is a workflow; a key's hash is never shown."""

from typing import Any, cast

import django.contrib.auth.admin  # noqa: F401  registers Group, which is unregistered below
from django import forms
from django.contrib import admin, messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from readiness.infra.admin import ReadOnlyAdmin, WorkflowAdmin, WorkflowForm
from readiness.infra.refusals import Refusal
from readiness.tenants.access import actor_of
from readiness.tenants.forms import SCOPE_CHOICES
from readiness.tenants.models import ApiKey, DsnKey, LoginAttempt, Project, Tenant, User
from readiness.tenants.services.slugs import slug_checked
from readiness.tenants.workflows import (
    dsn_key_change,
    dsn_key_create,
    key_create,
    key_revoke,
    password_set,
    person_add,
    person_change,
    project_rename,
    tenant_onboard,
    tenant_rename,
)

admin.site.unregister(Group)  # what a person may do follows from the role


class PersonForm(WorkflowForm):
    """A person; the password is needed for a new one, and otherwise left alone when empty."""

    password_new = forms.CharField(
        label="New password",
        required=False,
        strip=False,
        max_length=1024,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="At least 12 characters. Left empty, the present one stays.",
    )

    class Meta:
        model = User
        fields = ("email", "name", "role", "is_active")

    def clean_email(self) -> str:
        """Lower case, as the table has it."""
        email: str = self.cleaned_data["email"]
        return email.lower()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.instance.pk is None and not self.cleaned_data.get("password_new"):
            self.add_error("password_new", "A new person needs a password to sign in with the first time.")
        return cleaned


@admin.register(User)
class UserAdmin(WorkflowAdmin):
    """People are deactivated, never deleted: what they did keeps their name."""

    form = PersonForm
    list_display = ("email", "name", "role", "is_active", "last_sign_in_at")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    fields = ("email", "name", "role", "is_active", "password_new", "last_sign_in_at", "created_at")
    readonly_fields = ("last_sign_in_at", "created_at")

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        actor, password = actor_of(request), form.cleaned_data["password_new"]
        values = {"email": obj.email, "name": obj.name, "role": obj.role}
        if not change:
            return person_add(**values, password=password, actor=actor)
        person_change(user_id=obj.pk, **values, is_active=obj.is_active, actor=actor)
        if password:
            changed = password_set(user_id=obj.pk, password=password, actor=actor)
            if obj.pk == request.user.pk:
                update_session_auth_hash(request, changed)
        return cast(User, obj)


class TenantForm(WorkflowForm):
    """A tenant to be onboarded; afterwards only its name changes."""

    trusted = forms.BooleanField(
        required=False, label="Trusted DSN", help_text="Only if it never leaves your own servers."
    )

    class Meta:
        model = Tenant
        fields = ("slug", "name")

    def clean_slug(self) -> str:
        """The workflow's own rule, before the table's constraint puts it less kindly."""
        try:
            return slug_checked(slug=self.cleaned_data["slug"])
        except Refusal as refusal:
            raise ValidationError(refusal.detail) from None


@admin.register(Tenant)
class TenantAdmin(WorkflowAdmin):
    """Adding a tenant onboards it: its keys are shown once, in a message."""

    form = TenantForm
    list_display = ("slug", "name", "synthetic", "created_at")
    list_filter = ("synthetic",)
    search_fields = ("slug", "name")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("slug", "name", "trusted") if obj is None else ("slug", "name", "synthetic", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return () if obj is None else ("slug", "synthetic", "created_at")

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        if change:
            tenant_rename(tenant_id=obj.pk, name=obj.name, actor=actor_of(request))
            return cast(Tenant, obj)
        onboarded = tenant_onboard(
            slug=obj.slug, name=obj.name, trusted=form.cleaned_data["trusted"], actor=actor_of(request)
        )
        keys = " · ".join(f"{scope}: {key}" for scope, key in onboarded.keys.items())
        messages.warning(request, f"Store these keys now; they are not shown again. {keys}")
        return Tenant(pk=onboarded.tenant_id)


@admin.register(Project)
class ProjectAdmin(WorkflowAdmin):
    """A project comes with its tenant; its name can be changed."""

    list_display = ("id", "name", "tenant", "created_at")
    list_select_related = ("tenant",)
    fields = ("id", "tenant", "name", "created_at")
    readonly_fields = ("id", "tenant", "created_at")
    search_fields = ("name", "tenant__slug")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        project_rename(project_id=obj.pk, name=obj.name, actor=actor_of(request))
        return cast(Project, obj)


class ApiKeyForm(WorkflowForm):
    """A key to be."""

    scopes = forms.MultipleChoiceField(choices=SCOPE_CHOICES, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields = ("name", "tenant", "scopes", "environment")
        help_texts = {"tenant": "Empty: a key of this installation, for every tenant."}


@admin.register(ApiKey)
class ApiKeyAdmin(WorkflowAdmin):
    """Keys are made and revoked, never edited and never deleted."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "tenant", "may", "last_used_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter), "origin", "environment")
    list_select_related = ("tenant",)
    search_fields = ("name", "prefix", "tenant__slug")
    autocomplete_fields = ("tenant",)
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return ("name", "tenant", "scopes", "environment")
        made = ("environment", "origin", "created_by", "created_at", "revoked_by", "project_id")
        return (*self.list_display, *made)

    @admin.display(description="Scopes")
    def may(self, key: ApiKey) -> str:
        """The scopes as people read a list."""
        return ", ".join(key.scopes)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Founders: Django asks this for the action's `permissions`."""
        return request.user.has_perm("tenants.change_apikey")

    @admin.action(description="Revoke the selected keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        """Each key is revoked on its own; one that cannot be says why."""
        for key in queryset:
            try:
                key_revoke(key_id=key.pk, actor=actor_of(request))
            except Refusal as refusal:
                messages.warning(request, f"{key}: {refusal.detail}")
            else:
                messages.success(request, f"{key} is revoked.")

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        issued = key_create(
            name=obj.name,
            scopes=form.cleaned_data["scopes"],
            tenant=obj.tenant.slug if obj.tenant else None,
            environment=obj.environment,
            actor=actor_of(request),
        )
        messages.warning(request, f"Store this key now; it is not shown again: {issued.key}")
        return ApiKey(pk=issued.id)


@admin.register(DsnKey)
class DsnKeyAdmin(WorkflowAdmin):
    """DSNs are switched off rather than deleted."""

    list_display = ("public_key", "project", "trusted", "active", "label", "created_at")
    list_filter = ("trusted", "active")
    list_select_related = ("project",)
    search_fields = ("public_key", "label", "project__tenant__slug")
    autocomplete_fields = ("project",)

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return (
            ("project", "trusted", "label") if obj is None else ("public_key", "project", "trusted", "active", "label")
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return () if obj is None else ("public_key", "project")

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        values = {"trusted": obj.trusted, "label": obj.label, "actor": actor_of(request)}
        if not change:
            return dsn_key_create(project_id=obj.project_id, **values)
        dsn_key_change(dsn_key_id=obj.pk, active=obj.active, **values)
        return cast(DsnKey, obj)


@admin.register(LoginAttempt)
class LoginAttemptAdmin(ReadOnlyAdmin):
    """Who tried to get in, from where; the e-mail is a keyed hash."""

    list_display = ("at", "ip", "ok", "email_hash")
    list_filter = ("ok",)
    search_fields = ("ip",)
