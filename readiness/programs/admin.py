"""Programs in the admin: words are added through workflows and never edited; a definition is edited in its file and
imported again; what was recorded is only to look at.
"""

import re
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from readiness.infra.admin import ReadOnlyAdmin, WorkflowAdmin, correlation_link
from readiness.infra.refusals import Invalid
from readiness.programs.forms import EvidenceForm
from readiness.programs.models import (
    Attestation,
    Criterion,
    Evidence,
    Gate,
    Program,
    RubricCategory,
    ScoreChange,
    Verdict,
)
from readiness.programs.services.evidence import evidence_pk
from readiness.programs.services.facts import Claim
from readiness.programs.workflows import evidence_add, gate_attest, score_set
from readiness.tenants.access import actor_of

if TYPE_CHECKING:
    _AttestationForm = forms.ModelForm[Attestation]
    _ScoreForm = forms.ModelForm[ScoreChange]
    _EvidenceForm = forms.ModelForm[Evidence]
else:
    _AttestationForm = _ScoreForm = _EvidenceForm = forms.ModelForm


class EvidenceIdsField(forms.CharField):
    """`EV-31, EV-32`: the pieces by their ids, as numbers."""

    def clean(self, value: Any) -> list[int]:
        words = [word for word in re.split(r"[\s,]+", super().clean(value)) if word]
        unknown = [word for word in words if evidence_pk(word) is None]
        if unknown:
            raise ValidationError(f"{unknown[0][:40]} is no evidence id; they look like EV-31.")
        return [pk for word in words if (pk := evidence_pk(word)) is not None]


class AttestationAdminForm(_AttestationForm):
    claim = forms.ChoiceField(choices=[(claim.value, claim.value.replace("_", " ")) for claim in Claim])
    evidence = EvidenceIdsField(help_text="The ids of all evidence that it rests on, such as EV-31 EV-32.")

    class Meta:
        model = Attestation
        fields = ("criterion", "claim", "note")


class ScoreChangeAdminForm(_ScoreForm):
    score = forms.IntegerField(min_value=0, max_value=4)
    evidence = EvidenceIdsField(help_text="The ids of all evidence that it rests on, such as EV-31 EV-32.")

    class Meta:
        model = ScoreChange
        fields = ("category", "score", "note")


class EvidenceAdminForm(EvidenceForm, _EvidenceForm):
    """The fields of the console's own form, and the program."""

    class Meta:
        model = Evidence
        fields = ("program",)


class WordAdmin(WorkflowAdmin):
    """Added here, never edited: a correction is a newer word."""

    entered: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.kept if obj else self.entered

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return self.kept if obj else ()


@admin.register(Attestation)
class AttestationAdmin(WordAdmin):
    form = AttestationAdminForm
    list_display = ("at", "criterion", "claim", "actor_name", "from_document")
    list_filter = ("claim", "from_document", "criterion__program")
    list_select_related = ("criterion",)
    raw_id_fields = ("criterion",)
    entered = ("criterion", "claim", "evidence", "note")
    kept = ("criterion", "claim", "evidence_named", "note", "actor_name", "actor_kind", "at", "from_document")

    @admin.display(description="Evidence")
    def evidence_named(self, row: Attestation) -> str:
        return ", ".join(str(link.evidence) for link in row.links.select_related("evidence")[:50])

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        given = form.cleaned_data
        criterion: Criterion = given["criterion"]
        gate_attest(
            slug=criterion.program.slug,
            criterion=criterion.key,
            claim=Claim(given["claim"]),
            evidence=given["evidence"],
            note=given["note"],
            actor=actor_of(request),
        )
        return Attestation.objects.filter(criterion=criterion).order_by("-pk")[0]


@admin.register(ScoreChange)
class ScoreChangeAdmin(WordAdmin):
    form = ScoreChangeAdminForm
    list_display = ("at", "category", "score", "actor_name", "from_document")
    list_filter = ("category__program", "from_document")
    list_select_related = ("category",)
    raw_id_fields = ("category",)
    entered = ("category", "score", "evidence", "note")
    kept = ("category", "score", "evidence_named", "note", "actor_name", "actor_kind", "at", "from_document")

    @admin.display(description="Evidence")
    def evidence_named(self, row: ScoreChange) -> str:
        return ", ".join(str(link.evidence) for link in row.links.select_related("evidence")[:50])

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        given = form.cleaned_data
        category: RubricCategory = given["category"]
        score_set(
            slug=category.program.slug,
            category=category.key,
            score=given["score"],
            evidence=given["evidence"],
            note=given["note"],
            actor=actor_of(request),
        )
        return ScoreChange.objects.filter(category=category).order_by("-pk")[0]


@admin.register(Evidence)
class EvidenceAdmin(WordAdmin):
    form = EvidenceAdminForm
    list_display = ("public_id", "title", "kind", "outcome", "value", "unit", "program", "source", "collected_at")
    list_filter = ("source", "outcome", "kind", "program")
    list_select_related = ("program",)
    search_fields = ("title", "=commit", "=sha256", "ref")
    entered = (
        "program", "title", "kind", "url", "collected_on", "valid_until", "outcome", "value", "unit", "note",
    )  # fmt: skip
    kept = (
        "public_id", "program", "title", "kind", "url", "ref", "outcome", "value", "unit", "commit", "note", "sha256",
        "collected_at", "valid_until", "received_at", "source", "actor_name", "correlation",
    )  # fmt: skip

    @admin.display(description="Correlation")
    def correlation(self, row: Evidence) -> str:
        return correlation_link(row.correlation_id)

    def workflow_save(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> Model:
        program: Program | None = form.cleaned_data["program"]
        if program is None:
            raise Invalid("Choose the program that the evidence is for.")
        return evidence_add(slug=program.slug, draft=form.draft(), actor=actor_of(request)).evidence


@admin.register(Program)
class ProgramAdmin(ReadOnlyAdmin):
    list_display = ("title", "slug", "kind", "threshold", "owner", "as_of", "updated_at", "on_the_console")

    @admin.display(description="On the console")
    def on_the_console(self, program: Program) -> str:
        return format_html('<a href="{}">{}</a>', reverse("program", args=[program.slug]), program.slug)


@admin.register(Gate)
class GateAdmin(ReadOnlyAdmin):
    list_display = ("key", "title", "program", "required", "waits_for", "retired")
    list_filter = ("program", "required", "retired")
    list_select_related = ("program",)


@admin.register(Criterion)
class CriterionAdmin(ReadOnlyAdmin):
    list_display = ("key", "text", "gate", "comparator", "threshold", "unit", "retired")
    list_filter = ("program", "retired")
    list_select_related = ("gate",)
    search_fields = ("key", "text")


@admin.register(RubricCategory)
class RubricCategoryAdmin(ReadOnlyAdmin):
    list_display = ("title", "program", "weight", "key", "retired")
    list_filter = ("program", "retired")
    list_select_related = ("program",)


@admin.register(Verdict)
class VerdictAdmin(ReadOnlyAdmin):
    list_display = ("evaluated_at", "program", "sequence", "verdict", "score", "blockers", "cause", "actor_name")
    list_filter = ("program", "verdict")
    list_select_related = ("program",)
    fields = (
        "program", "sequence", "verdict", "score", "blockers", "evaluated_at", "as_of", "cause", "actor_name",
        "correlation_id", "digest", "link", "said",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Verdict]:
        return super().get_queryset(request).select_related("recorded_body")

    @admin.display(description="What it said")
    def said(self, row: Verdict) -> str:
        body = getattr(row, "recorded_body", None)
        return body.body if body else "erased under a permit"
