"""Root causes, lessons and controls in the admin: entered through workflows; what was written is never changed."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Field
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from incidents.lessons.forms import LinesField
from incidents.lessons.models import (
    Control,
    ControlRecurrence,
    ControlRun,
    ControlVersion,
    Lesson,
    PlaybookProposal,
    PlaybookSection,
    PlaybookVersion,
    RootCause,
    Waiver,
    WaiverRevocation,
)
from incidents.lessons.workflows import control_create, control_revise, lesson_write, root_cause_write
from readiness.infra.admin import ReadOnlyAdmin, WorkflowAdmin
from readiness.tenants.access import actor_of


class LinesAdmin(WorkflowAdmin):
    """Its `lines` fields (JSON lists of strings) are edited one value a line."""

    lines: tuple[str, ...] = ()
    line_helps: ClassVar[Mapping[str, str]] = {}

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        if db_field.name in self.lines:
            told = self.line_helps.get(db_field.name, "One a line.")
            return LinesField(required=False, label=db_field.verbose_name.capitalize(), help_text=told)
        return super().formfield_for_dbfield(db_field, request, **kwargs)


class WrittenAdmin(LinesAdmin):
    """Added here, never edited: a correction is a new row."""

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        return False

    @admin.display(description="On the console")
    def on_the_console(self, row: RootCause | Lesson | Control) -> str:
        key = row.incident.public_id
        return format_html('<a href="{}">{}</a>', reverse("incident", args=[key]), key)


@admin.register(RootCause)
class RootCauseAdmin(WrittenAdmin):
    list_display = ("incident", "revision", "author", "written_at")
    list_select_related = ("incident",)
    search_fields = ("text", "author")
    fields = ("incident", "text", "contributing_factors", "broken_commits", "evidence", "evidence_reason")
    raw_id_fields = ("incident",)
    lines = ("contributing_factors", "broken_commits", "evidence")
    line_helps: ClassVar = {
        "evidence": "Ids of the errors that show it, one a line, such as err_0123456789ab; the incident's page offers "
        "them. The diagnosis clock stops when one is pinned.",
    }

    def get_fields(self, request: HttpRequest, obj: RootCause | None = None) -> tuple[str, ...]:
        read = ("revision", "author", "written_at", "on_the_console")
        return (*self.fields, *read) if obj else tuple(self.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: RootCause | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> RootCause:
        given = form.cleaned_data
        written = root_cause_write(
            incident_id=given["incident"].pk,
            text=given["text"],
            contributing_factors=given["contributing_factors"],
            broken_commits=given["broken_commits"],
            evidence=given["evidence"],
            evidence_reason=given["evidence_reason"],
            actor=actor_of(request),
        )
        if written.incident.diagnosed_at is None:
            messages.warning(request, "No evidence is pinned to it, so it is kept and the diagnosis clock runs on.")
        return written


@admin.register(Lesson)
class LessonAdmin(WrittenAdmin):
    list_display = ("incident", "do_now", "author", "written_at")
    list_select_related = ("incident",)
    search_fields = ("believed", "was_true", "do_now", "author")
    fields = ("incident", "believed", "was_true", "do_now", "replaces")
    raw_id_fields = ("incident", "replaces")

    def get_fields(self, request: HttpRequest, obj: Lesson | None = None) -> tuple[str, ...]:
        return (*self.fields, "author", "written_at", "on_the_console") if obj else tuple(self.fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Lesson | None = None) -> tuple[str, ...]:
        return self.get_fields(request, obj) if obj else ()

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Lesson:
        given = form.cleaned_data
        return lesson_write(
            incident_id=given["incident"].pk,
            believed=given["believed"],
            was_true=given["was_true"],
            do_now=given["do_now"],
            replaces=given["replaces"].pk if given["replaces"] else None,
            actor=actor_of(request),
        )


@admin.register(Control)
class ControlAdmin(LinesAdmin):
    list_display = ("public_id", "title", "kind", "state", "incident", "owner", "due_on", "pass_due_at")
    list_filter = ("kind", "state")
    list_select_related = ("incident",)
    search_fields = ("title", "command", "owner")
    raw_id_fields = ("incident",)
    lines = ("governance_updates",)
    entered = (
        "incident", "kind", "title", "command", "rule_kind", "rule_reference", "check_first", "never_again",
        "symptom_fix", "prevention_primitive", "evolution", "governance_updates", "owner", "due_on", "period_days",
    )  # fmt: skip
    kept = ("version", "state", "state_reason", "state_at", "pass_due_at", "created_by", "created_at", "on_the_console")

    def get_fields(self, request: HttpRequest, obj: Control | None = None) -> tuple[str, ...]:
        return (*self.entered, *self.kept) if obj else self.entered

    def get_readonly_fields(self, request: HttpRequest, obj: Control | None = None) -> tuple[str, ...]:
        return ("incident", *self.kept) if obj else ()

    @admin.display(description="On the console")
    def on_the_console(self, control: Control) -> str:
        return format_html('<a href="{}">{}</a>', reverse("control", args=[control.public_id]), control.public_id)

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Control:
        given = {name: form.cleaned_data[name] for name in self.entered if name != "incident"}
        if change:
            return control_revise(
                control_id=obj.pk, changes=given, reason="changed in the admin", actor=actor_of(request)
            )
        return control_create(incident_id=form.cleaned_data["incident"].pk, actor=actor_of(request), **given)


@admin.register(ControlRun)
class ControlRunAdmin(ReadOnlyAdmin):
    list_display = (
        "received_at",
        "control",
        "version",
        "outcome",
        "commit",
        "on_main",
        "effect",
        "state_after",
        "reporter",
    )
    list_filter = ("outcome", "effect", "on_main")
    list_select_related = ("control",)
    search_fields = ("=commit", "command", "reporter")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ControlRun]:
        rows = super().get_queryset(request)
        return rows if request.resolver_match and request.resolver_match.kwargs else rows.defer("checks")


@admin.register(ControlVersion)
class ControlVersionAdmin(ReadOnlyAdmin):
    list_display = ("control", "version", "title", "reason", "author", "at")
    list_select_related = ("control",)


@admin.register(ControlRecurrence)
class ControlRecurrenceAdmin(ReadOnlyAdmin):
    list_display = ("control", "version", "at", "recurrence", "recorded_at")
    list_select_related = ("control",)


@admin.register(Waiver)
class WaiverAdmin(ReadOnlyAdmin):
    """Given on the page of its incident or control, under the name of whoever is signed in: never here."""

    list_display = ("public_id", "kind", "incident", "control", "given_by", "given_role", "given_at", "expires_at")
    list_filter = ("kind", "given_role")
    list_select_related = ("incident", "control")
    search_fields = ("reason", "given_by")


@admin.register(WaiverRevocation)
class WaiverRevocationAdmin(ReadOnlyAdmin):
    list_display = ("waiver", "revoked_by", "revoked_at", "reason")
    list_select_related = ("waiver",)


@admin.register(PlaybookSection)
class PlaybookSectionAdmin(ReadOnlyAdmin):
    """Changed by reviewed edits on the playbook's own pages: never here."""

    list_display = ("number", "title", "error_class", "component", "version", "updated_at")
    list_filter = ("error_class",)
    search_fields = ("title", "component")


@admin.register(PlaybookProposal)
class PlaybookProposalAdmin(ReadOnlyAdmin):
    list_display = ("id", "section", "title", "why", "state", "author", "proposed_at", "decided_by", "self_reviewed")
    list_filter = ("state", "self_reviewed")
    list_select_related = ("section",)
    search_fields = ("title", "why", "author")


@admin.register(PlaybookVersion)
class PlaybookVersionAdmin(ReadOnlyAdmin):
    list_display = ("version", "at", "section", "why", "evolved", "author", "reviewer", "self_reviewed")
    list_filter = ("evolved", "self_reviewed")
    list_select_related = ("section",)
    search_fields = ("why", "root_cause")
