"""Flags in the admin: every save is a workflow and leaves a revision; the revisions are only to look at."""

import json
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from flags.adapters import changed_fields
from flags.forms import FlagAdminForm
from flags.models import Flag, FlagRevision
from flags.services.changes import FlagEdit, FlagState, flag_writer_check
from flags.services.config import INSTALLATION
from flags.services.values import FlagType, value_text
from flags.store import revisions_of
from flags.workflows import flag_define, flag_edit, flag_remove
from readiness.infra.admin import ReadOnlyAdmin, WorkflowAdmin
from readiness.infra.refusals import FieldError, Forbidden, Invalid
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find

HISTORY_SHOWN = 50
_DEFINITION = ("value", "reason", "visibility", "description", "safe_value", "minimum", "maximum", "version")


@admin.register(Flag)
class FlagAdmin(WorkflowAdmin):
    form = FlagAdminForm
    deletable = True
    actions = None  # each removal is a decision of its own
    list_display = ("key", "now", "place", "changed_at", "changed_by")
    list_filter = ("environment", "killed", "visibility", "type")
    search_fields = ("key", "description")
    ordering = ("key", "project_id", "environment")

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return ("key", "type", "place", "now", "history") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("key", "type", "tenant", "environment", *_DEFINITION)})]
        where = (None, {"fields": ("key", "type", "place", "now", *_DEFINITION)})
        return [where, ("History", {"fields": ("history",)})]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (not isinstance(obj, Flag) or self._may_write(request, obj.environment))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        allowed = super().has_delete_permission(request, obj)
        return allowed and (not isinstance(obj, Flag) or self._may_write(request, obj.environment))

    @admin.display(description="For", ordering="project_id")
    def place(self, flag: Flag) -> str:
        whom = f"project {flag.project_id}" if flag.project_id else "everyone"
        return f"{whom}, {flag.environment}"

    @admin.display(description="Clients get")
    def now(self, flag: Flag) -> str:
        value = flag.safe_value if flag.killed else flag.value
        text = value_text(type=FlagType(flag.type), value=value)[:40]
        return f"{text} (killed)" if flag.killed else text

    @admin.display(description="Who changed what")
    def history(self, flag: Flag) -> str:
        """The last HISTORY_SHOWN revisions: a table rather than an inline, which would load and post them all."""
        rows = revisions_of(project_id=flag.project_id, environment=flag.environment, key=flag.key)[:HISTORY_SHOWN]
        type = FlagType(flag.type)
        lines = [(row, changed_fields(type=type, before=row.before, after=row.after)) for row in rows]
        everything = f"{reverse('admin:flags_flagrevision_changelist')}?key={flag.key}"
        return render_to_string("flags/_admin_history.html", {"revisions": lines, "all": everything})

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        values, actor = form.cleaned_data, actor_of(request)
        flag_writer_check(role=_role(request), environment=obj.environment)
        definition: FlagEdit = {
            "value": values["value"],
            "safe_value": values["safe_value"],
            "visibility": values["visibility"],
            "description": values["description"],
            "minimum": values["minimum"],
            "maximum": values["maximum"],
        }
        if change:
            place = {"project_id": obj.project_id, "environment": obj.environment}
            expected = values["version"] or 0
            flag_edit(
                key=obj.key, edit=definition, expected_version=expected, actor=actor, reason=values["reason"], **place
            )
            return Flag.objects.get(pk=obj.pk)
        return flag_define(
            key=values["key"],
            state=FlagState(type=FlagType(values["type"]), **definition),
            actor=actor,
            reason=values["reason"],
            project_id=_project_of(values["tenant"]),
            environment=values["environment"],
        )

    def workflow_delete(self, request: HttpRequest, obj: Any) -> None:
        flag_writer_check(role=_role(request), environment=obj.environment)
        flag_remove(
            key=obj.key,
            expected_version=obj.version,
            actor=actor_of(request),
            reason="Removed in the admin",
            project_id=obj.project_id,
            environment=obj.environment,
        )

    def _may_write(self, request: HttpRequest, environment: str) -> bool:
        try:
            flag_writer_check(role=_role(request), environment=environment)
        except Forbidden:
            return False
        return True


@admin.register(FlagRevision)
class FlagRevisionAdmin(ReadOnlyAdmin):
    list_display = ("at", "key", "environment", "change", "actor_name", "reason")
    list_filter = ("action", "environment", "actor_kind")
    search_fields = ("key", "actor_name", "reason")
    ordering = ("-at",)
    exclude = ("flag",)  # the row may be gone; key, environment and project name it

    @admin.display(description="From → to")
    def change(self, revision: FlagRevision) -> str:
        names = [*revision.before, *(name for name in revision.after if name not in revision.before)]
        shown = [[json.dumps(side.get(name))[:40] for side in (revision.before, revision.after)] for name in names]
        return "; ".join(f"{name} {was} → {now}" for name, (was, now) in zip(names, shown, strict=True))


def _role(request: HttpRequest) -> str:
    return request.user.role if isinstance(request.user, User) else ""


def _project_of(tenant_slug: str) -> int:
    if not tenant_slug:
        return INSTALLATION
    project = project_find(tenant_slug=tenant_slug)
    if project is None:
        detail = f"There is no tenant {tenant_slug}. Leave it empty for everyone, or onboard the tenant first."
        raise Invalid(detail, errors=[FieldError("/tenant", detail)])
    return project.pk
