"""Who is told, in the admin: channels and rules are made by the workflows of the page and by founders only; notices and
deliveries are to look at. A webhook's URL and what its secret follows from are secrets: neither is ever shown.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.forms import Field
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from readiness.infra.admin import ReadOnlyAdmin, WorkflowAdmin, WorkflowForm
from readiness.infra.refusals import FieldError, Invalid
from readiness.notifications.forms import KIND_CHOICES, PRIORITY_CHOICES, TARGET_HELP
from readiness.notifications.models import Channel, Delivery, Notice, Rule
from readiness.notifications.services.kinds import kind_of
from readiness.notifications.services.muting import UNTIL
from readiness.notifications.services.standing import rule_words
from readiness.notifications.services.targets import target_words
from readiness.notifications.workflows.channels import (
    channel_create,
    channel_retarget,
    channel_switch,
    rule_create,
    rule_mute,
    rule_remove,
    rule_unmute,
)
from readiness.tenants.access import actor_of
from readiness.tenants.models import User
from readiness.tenants.workflows import project_find


class FoundersAdmin(WorkflowAdmin):
    """Everybody may look; founders alone change it, as on the page."""

    @staticmethod
    def _is_founder(request: HttpRequest) -> bool:
        return isinstance(request.user, User) and request.user.role == User.Role.FOUNDER

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._is_founder(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_founder(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self._is_founder(request) and super().has_delete_permission(request, obj)

    @admin.display(description="On the console")
    def on_the_console(self, row: Model) -> str:
        return format_html('<a href="{}">Who is told?</a>', reverse("notifications"))


class ChannelAdminForm(WorkflowForm):
    """A channel; where it leads is written and never read."""

    leads_to = forms.CharField(max_length=2_000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    class Meta:
        model = Channel
        fields = ("name", "kind", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = self.instance.pk is not None
        self.fields["leads_to"].required = not known
        self.fields["leads_to"].label = "Lead it elsewhere" if known else "Where to"
        self.fields["leads_to"].help_text = f"Left empty, it stays as it is. {TARGET_HELP}" if known else TARGET_HELP


@admin.register(Channel)
class ChannelAdmin(FoundersAdmin):
    """A test, the secret of a webhook and another one are on the console's page."""

    form = ChannelAdminForm
    list_display = ("name", "kind", "where", "enabled", "failures", "last_ok_at", "created_by")
    list_filter = ("kind", "enabled")
    search_fields = ("name", "created_by")  # never the target: whoever may search could guess a secret in it
    kept = (
        "where",
        "off_because",
        "failures",
        "rest_until",
        "last_ok_at",
        "created_at",
        "created_by",
        "on_the_console",
    )

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return ("kind", "name", "leads_to")
        entered = ("enabled", "leads_to") if self.has_change_permission(request, obj) else ("enabled",)
        return ("name", "kind", *entered, *self.kept)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return ("name", "kind", *self.kept) if obj else ()

    @admin.display(description="Where to")
    def where(self, channel: Channel) -> str:
        return target_words(kind=channel.kind, target=channel.target)

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        actor, target = actor_of(request), form.cleaned_data["leads_to"]
        try:
            if not change:
                return channel_create(name=obj.name, kind=obj.kind, target=target, actor=actor)
            if target.strip():
                channel_retarget(channel_id=obj.pk, target=target, actor=actor)
            if "enabled" in form.changed_data:
                channel_switch(channel_id=obj.pk, on=obj.enabled, actor=actor)
        except Invalid as refusal:
            raise Invalid(refusal.detail, errors=[_beside_field(error) for error in refusal.errors]) from None
        return Channel(pk=obj.pk)


def _beside_field(error: FieldError) -> FieldError:
    return FieldError("/leads_to", error.detail) if error.pointer == "/target" else error


class RuleAdminForm(WorkflowForm):
    """A rule to be; of one that there is, its mute."""

    which = forms.MultipleChoiceField(
        label="Kinds",
        choices=KIND_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: the usual ones.",
    )
    tenant = forms.CharField(max_length=63, required=False, help_text="A tenant's slug. Empty: everybody's.")

    class Meta:
        model = Rule
        fields = ("channel", "minimum_priority", "muted_until", "muted_because")
        help_texts = {
            "muted_until": "UTC, at most 31 days off. Empty: it is heard.",
            "muted_because": "Why it keeps quiet; shown to everybody beside your name.",
        }


@admin.register(Rule)
class RuleAdmin(FoundersAdmin):
    """Made, muted and removed; another choice of kinds is another rule."""

    deletable = True
    form = RuleAdminForm
    list_display = ("id", "channel", "says", "muted_until", "muted_by", "created_by", "created_at")
    list_display_links = ("id", "says")
    list_filter = ("channel", ("muted_until", admin.EmptyFieldListFilter), "minimum_priority")
    list_select_related = ("channel",)
    search_fields = ("channel__name", "created_by", "muted_because")
    kept = ("channel", "says", "muted_by", "created_at", "created_by", "on_the_console")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return ("channel", "which", "minimum_priority", "tenant")
        return (*self.kept[:2], "muted_until", "muted_because", *self.kept[2:])

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return self.kept if obj else ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Field | None:
        if db_field.name == "minimum_priority":
            return forms.ChoiceField(choices=PRIORITY_CHOICES, required=False, label="Priority")
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    @admin.display(description="Lets through")
    def says(self, rule: Rule) -> str:
        projects = [f"project {pk}" for pk in rule.projects]
        return rule_words(kinds=rule.kinds, minimum_priority=rule.minimum_priority, projects=projects)

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        actor, given = actor_of(request), form.cleaned_data
        if not change:
            return rule_create(
                channel_id=obj.channel_id,
                kinds=given["which"],
                minimum_priority=obj.minimum_priority,
                projects=_projects_of(given["tenant"].strip()),
                actor=actor,
            )
        if not form.changed_data:
            return Rule(pk=obj.pk)
        if obj.muted_until is None:
            return rule_unmute(rule_id=obj.pk, actor=actor)
        return rule_mute(rule_id=obj.pk, span=UNTIL, until=obj.muted_until, because=obj.muted_because, actor=actor)

    def workflow_delete(self, request: HttpRequest, obj: Any) -> None:
        rule_remove(rule_id=obj.pk, actor=actor_of(request))


def _projects_of(slug: str) -> list[int]:
    if not slug:
        return []
    project = project_find(tenant_slug=slug)
    if project is None:
        detail = f"There is no tenant {slug}."
        raise Invalid(f"The rule was not made: {detail}", errors=[FieldError("/tenant", detail)])
    return [project.pk]


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    """What there was to tell, each once, with what became of it."""

    list_display = ("at", "what", "title", "priority", "project_id")
    list_filter = ("kind", "priority")
    search_fields = ("title", "=key")
    ordering = ("-at",)
    readonly_fields = ("on_the_console",)

    @admin.display(description="Kind", ordering="kind")
    def what(self, notice: Notice) -> str:
        return kind_of(notice.kind).title

    @admin.display(description="On the console")
    def on_the_console(self, notice: Notice) -> str:
        page = notice.page if notice.page.startswith("/") else reverse("notifications")
        return format_html('<a href="{}">{}</a>', page, page)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """What went out and how; one that was given up is tried again on the console's page."""

    list_display = ("created_at", "told", "channel", "state", "attempts", "last_status", "next_at", "delivered_at")
    list_filter = ("state", "channel", ("digest", admin.EmptyFieldListFilter))
    list_select_related = ("channel", "notice")
    search_fields = ("=message_id", "notice__title", "last_error")
    ordering = ("-created_at",)
    exclude = ("outbox_id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return super().get_queryset(request).defer("notice__text", "notice__facts")

    @admin.display(description="What", ordering="notice__title")
    def told(self, delivery: Delivery) -> str:
        if delivery.notice is None:
            return f"Digest of {delivery.minute:%Y-%m-%d %H:%M} UTC"
        return delivery.notice.title
