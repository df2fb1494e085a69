"""Forms of the incident's page and of a control's own: their fields carry the names that the workflows refuse by."""

from collections.abc import Sequence

from django import forms

from incidents.lessons.forms.evidence import ErrorIdsField
from incidents.lessons.forms.fields import lines_field, text_field
from incidents.lessons.models import Control
from incidents.lessons.services.drafts import MAX_COMMAND, MAX_PERIOD_DAYS, MAX_TITLE
from incidents.lessons.services.pinning import MAX_REASON
from incidents.triage.models import Incident


class RootCauseForm(forms.Form):
    """What happened and why it could; saving it with evidence stops the clock."""

    text = text_field("What happened, and why it could", rows=4)
    contributing_factors = lines_field("Contributing factors", help_text="One a line.")
    broken_commits = lines_field(
        "Broken commits",
        mono=True,
        help_text="One a line, from git rev-parse. A control has to fail on one of them before a pass proves anything.",
    )
    evidence = ErrorIdsField(
        label="Pinned evidence",
        required=False,
        help_text="The events that show it. The diagnosis clock stops when at least one is pinned.",
    )
    evidence_reason = forms.CharField(
        label="Why nothing can be pinned",
        max_length=MAX_REASON,
        required=False,
        help_text="No event of it is left. What you write here takes their place, and stops the clock.",
    )
    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0)

    def events_offer(self, events: Sequence[tuple[str, str]]) -> None:
        """Show these (error id, words) to be pinned; where there are none, ask for the reason instead."""
        offered = self.fields["evidence"]
        if isinstance(offered, ErrorIdsField):
            offered.choices = list(events)
        self.fields.pop("evidence_reason" if events else "evidence")


class LessonForm(forms.Form):
    """What is learnt."""

    believed = text_field("What we believed", rows=2)
    was_true = text_field("What was true", rows=2)
    do_now = text_field("What we do now", rows=2)
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
    check_first = text_field(
        "What to check first", rows=2, required=False, help_text="Shown on incidents of this class."
    )
    never_again = text_field("What never to do again", rows=2, required=False)
    governance_updates = lines_field(
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
