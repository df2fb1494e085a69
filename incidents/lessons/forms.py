"""Forms of the incident's page and of a control's own: their fields carry the names that the workflows refuse by."""

from typing import Any

from django import forms

from incidents.lessons.models import Control
from incidents.lessons.services.drafts import MAX_COMMAND, MAX_PERIOD_DAYS, MAX_TEXT, MAX_TITLE
from incidents.triage.models import Incident


class LinesField(forms.CharField):
    """One value a line; a list of the lines that are not empty."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value


def _text(label: str, *, rows: int = 3, required: bool = True, help_text: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=MAX_TEXT, required=required, help_text=help_text, widget=widget)


def _lines(label: str, *, rows: int = 2, help_text: str = "", mono: bool = False) -> LinesField:
    attrs = {"rows": rows, **({"class": "mono", "spellcheck": "false"} if mono else {})}
    return LinesField(label=label, required=False, help_text=help_text, widget=forms.Textarea(attrs=attrs))


class RootCauseForm(forms.Form):
    """What happened and why it could; saving it stops the clock."""

    text = _text("What happened, and why it could", rows=4)
    contributing_factors = _lines("Contributing factors", help_text="One a line.")
    broken_commits = _lines(
        "Broken commits",
        mono=True,
        help_text="One a line, from git rev-parse. A control has to fail on one of them before a pass proves anything.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0)


class LessonForm(forms.Form):
    """What is learnt."""

    believed = _text("What we believed", rows=2)
    was_true = _text("What was true", rows=2)
    do_now = _text("What we do now", rows=2)
    replaces = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1)


class ControlForm(forms.Form):
    """What keeps it from happening again."""

    kind = forms.ChoiceField(
        choices=Control.Kind.choices,
        help_text="CI runs a check, a rule guards, a playbook entry is read. P0 and P1 need a check or a rule.",
    )
    title = forms.CharField(label="What it prevents", max_length=MAX_TITLE)
    command = forms.CharField(
        max_length=MAX_COMMAND,
        required=False,
        help_text="What CI runs, such as pytest tests/test_budget.py. A playbook entry needs none.",
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
    )
    check_first = _text("What to check first", rows=2, required=False, help_text="Shown on incidents of this class.")
    never_again = _text("What never to do again", rows=2, required=False)
    governance_updates = _lines(
        "Documents that it touches", help_text="One a line, such as SESSION_PLAYBOOK.yaml section 16."
    )
    owner = forms.CharField(max_length=254, required=False)
    due_on = forms.DateField(label="Due", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    period_days = forms.IntegerField(
        label="Period in days",
        min_value=1,
        max_value=MAX_PERIOD_DAYS,
        initial=7,
        help_text="Without a pass on main for longer than this it is stale.",
    )


class ControlRevisionForm(ControlForm):
    """A control as it shall be from now on."""

    new_version = forms.BooleanField(
        label="Make it a new version",
        required=False,
        help_text="It has to be proven anew. Another command or kind is a new version in any case.",
    )
    reason = forms.CharField(label="Why", max_length=1000, required=False)


class NoteForm(forms.Form):
    text = forms.CharField(label="Note", max_length=4000, widget=forms.Textarea(attrs={"rows": 2}))


class PriorityForm(forms.Form):
    priority = forms.ChoiceField(choices=Incident.Priority.choices)
