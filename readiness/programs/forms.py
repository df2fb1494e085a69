"""Forms of a program's pages. Fields carry the names that the workflows refuse by."""

from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Any

from django import forms

from readiness.infra.clock import utcnow
from readiness.programs.models import Criterion, Evidence
from readiness.programs.services.evidence import TEXT_LIMITS, EvidenceDraft
from readiness.programs.services.facts import Claim, Outcome

KINDS = (
    "document",
    "tests",
    "coverage",
    "drill",
    "runbook",
    "audit",
    "dashboard",
    "measurement",
    "feedback",
    "rollback",
)


class EvidenceForm(forms.Form):
    """One new piece of evidence."""

    title = forms.CharField(label="What it shows", max_length=TEXT_LIMITS["title"])
    kind = forms.CharField(
        label="Kind", max_length=63, initial="document", help_text=f"Such as {', '.join(KINDS[:6])}."
    )
    url = forms.CharField(
        label="Where it is",
        max_length=TEXT_LIMITS["url"],
        required=False,
        help_text="A web address or a repository path.",
    )
    collected_on = forms.DateField(
        label="Collected on", initial=lambda: utcnow().date(), widget=forms.DateInput(attrs={"type": "date"})
    )
    valid_until = forms.DateField(label="Valid until", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    outcome = forms.ChoiceField(
        label="Outcome",
        required=False,
        choices=[("", "says nothing of itself"), *((o.value, o.value) for o in Outcome if o.value)],
    )
    value = forms.DecimalField(label="Value", required=False, max_digits=18, decimal_places=6)
    unit = forms.CharField(label="Unit", max_length=TEXT_LIMITS["unit"], required=False)
    note = forms.CharField(
        label="Note", max_length=TEXT_LIMITS["note"], required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def draft(self) -> EvidenceDraft:
        """The valid form's evidence. A day is taken as its noon; the present day as this moment."""
        given, now = self.cleaned_data, utcnow()
        collected_on, until = given["collected_on"], given["valid_until"]
        return EvidenceDraft(
            kind=given["kind"].strip().lower(),
            title=given["title"],
            url=given["url"],
            note=given["note"],
            outcome=Outcome(given["outcome"]),
            value=given["value"],
            unit=given["unit"],
            collected_at=now if collected_on == now.date() else datetime.combine(collected_on, time(12), UTC),
            valid_until=datetime.combine(until, time.max, UTC) if until else None,
        )


def _evidence_field() -> forms.TypedMultipleChoiceField:
    return forms.TypedMultipleChoiceField(
        label="Evidence behind it",
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Tick at least one, or add a piece below: from now on it rests on these, and on nothing else.",
    )


class WordForm(forms.Form):
    """What an attestation and a score share: the evidence behind it, and a new piece if the right one is missing."""

    evidence = _evidence_field()
    new_title = forms.CharField(label="Or new evidence: what it shows", max_length=TEXT_LIMITS["title"], required=False)
    new_url = forms.CharField(
        label="Where it is",
        max_length=TEXT_LIMITS["url"],
        required=False,
        help_text="A web address or a repository path.",
    )
    note = forms.CharField(
        label="Note", max_length=TEXT_LIMITS["note"], required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *args: Any, offered: Sequence[Evidence], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["evidence"]
        assert isinstance(field, forms.TypedMultipleChoiceField)
        field.choices = [(piece.pk, _label(piece)) for piece in offered]
        if not offered:
            del self.fields["evidence"]

    def draft(self) -> EvidenceDraft | None:
        """The new piece, collected at this moment; None when nothing was typed."""
        title = self.cleaned_data["new_title"].strip()
        if not title:
            return None
        return EvidenceDraft(kind="document", title=title, url=self.cleaned_data["new_url"], collected_at=utcnow())

    def chosen(self) -> list[int]:
        return list(self.cleaned_data.get("evidence", ()))


def _label(piece: Evidence) -> str:
    return f"{piece.public_id} {piece.title} · {piece.kind}, {piece.collected_at:%Y-%m-%d}"


class AttestForm(WordForm):
    """A person's word on one criterion."""

    claim = forms.ChoiceField(
        label="The evidence shows that it is",
        widget=forms.RadioSelect,
        choices=[
            (Claim.MET.value, "met"),
            (Claim.NOT_MET.value, "not met"),
            (Claim.NOTED.value, "not decided yet: keep the evidence only"),
        ],
    )
    criterion = forms.CharField(widget=forms.HiddenInput, max_length=40)

    field_order = ("evidence", "new_title", "new_url", "claim", "note")

    def __init__(self, *args: Any, criterion: Criterion | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if criterion is not None:
            self.initial.setdefault("criterion", criterion.key)


class ScoreForm(WordForm):
    """A category's score."""

    score = forms.TypedChoiceField(
        label="Score", coerce=int, widget=forms.RadioSelect, choices=[(n, str(n)) for n in range(5)]
    )

    field_order = ("score", "evidence", "new_title", "new_url", "note")
