"""Forms of the playbook: an edit, its review, and a founder's new version."""

from typing import Any

from django import forms
from django.forms import BoundField

from incidents.lessons.forms.fields import lines_field, text_field
from incidents.lessons.models import Control
from incidents.lessons.services.drafts import MAX_TITLE
from incidents.lessons.services.playbook_edits import MAX_COMPONENT, MAX_NUMBER
from readiness.infra.envelope import FAMILIES, ErrorClass

_SAYS = ("error_class", "component", "number", "title", "check_first", "never_again", "grown_from")


def error_class_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """The taxonomy by family, as a select shows it."""
    return [(family, [(str(item), str(item)) for item in ErrorClass if item.family == family]) for family in FAMILIES]


class PlaybookEditForm(forms.Form):
    """An edit of a section, or a new one; `fixed` leaves the class, component and number as they are."""

    error_class = forms.ChoiceField(  # type: ignore[assignment]  # fields leave the class before Django reads its own
        label="Incident class", choices=error_class_choices
    )
    component = forms.CharField(
        max_length=MAX_COMPONENT, required=False, help_text="Empty: the class everywhere. Else such as billing.engine."
    )
    number = forms.IntegerField(
        label="Section number", required=False, min_value=1, max_value=MAX_NUMBER, help_text="Empty: the next free one."
    )
    title = forms.CharField(label="What breaks here", max_length=MAX_TITLE)
    check_first = lines_field("What to check first", rows=5, help_text="One a line, the quickest first.")
    never_again = lines_field("What never to do again", rows=4, help_text="One a line.")
    grown_from = lines_field(
        "Grown from",
        rows=2,
        mono=True,
        help_text="Incidents, lessons, controls, one a line: INC-12, LES-3, CTL-7.",
    )
    why = forms.CharField(label="Why the playbook should change", max_length=MAX_TITLE)
    evolved = forms.ChoiceField(
        label="What became stronger",
        choices=[("", "Nothing but the words"), *Control.Evolution.choices],
        required=False,
        help_text="Every incident becomes a new primitive, a stricter intent or a new CI invariant.",
    )
    root_cause = text_field(
        "The real root cause",
        rows=3,
        required=False,
        help_text="Not the symptom. Needed if something became stronger.",
    )
    before = text_field(
        "Before: how we thought", rows=2, required=False, help_text="Such as: block it after it happened."
    )
    after = text_field(
        "After: how we think now", rows=2, required=False, help_text="Such as: guide before code is written."
    )
    files_changed = lines_field(
        "Files changed", rows=2, mono=True, help_text="One a line, as they are in the repository."
    )
    base_version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)
    replaces = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)

    def __init__(self, *args: Any, fixed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if fixed:
            del self.fields["number"]
            for name in ("error_class", "component"):
                self.fields[name].widget = forms.HiddenInput()

    @property
    def says(self) -> list[BoundField]:
        """What the section shall say."""
        return [field for field in self.visible_fields() if field.name in _SAYS]

    @property
    def reasons(self) -> list[BoundField]:
        """Why, for the update entry."""
        return [field for field in self.visible_fields() if field.name not in _SAYS]


class ReviewForm(forms.Form):
    note = forms.CharField(
        label="What you say to it", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class VersionForm(forms.Form):
    """A founder raises the version."""

    version = forms.CharField(
        label="New version", max_length=20, required=False, help_text="Empty: the next major one. Or such as v2.27."
    )
    why = forms.CharField(label="What it stands for", max_length=200)
