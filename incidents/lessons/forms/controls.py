"""Forms of a control and of waivers: their fields carry the names that the workflows refuse by."""

from datetime import UTC, date, datetime, time

from django import forms
from django.forms import BoundField

from incidents.lessons.forms.fields import DocumentsField, sent_value_set, text_field
from incidents.lessons.models import Control
from incidents.lessons.services.drafts import MAX_COMMAND, MAX_PERIOD_DAYS, MAX_REFERENCE, MAX_TITLE
from incidents.lessons.services.waivers import LONGEST, MAX_REASON

_NONE = ("", "—")


class ControlForm(forms.Form):
    """What keeps it from happening again; the template shows it in the parts that `part_…` name."""

    kind = forms.ChoiceField(
        choices=Control.Kind.choices,
        help_text="CI runs a check, a rule guards, a playbook entry is read. P0 and P1 need a check or a rule.",
    )
    title = forms.CharField(
        label="What it prevents",
        max_length=MAX_TITLE,
        help_text="Name the one thing that fails if it comes back, such as “A budget read twice is refused”.",
    )
    command = forms.CharField(
        max_length=MAX_COMMAND,
        required=False,
        help_text="What CI runs, such as pytest tests/test_budget.py. A rule is proven by runs too; a playbook entry "
        "needs none.",
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
    )
    owner = forms.CharField(max_length=254, required=False)
    due_on = forms.DateField(
        label="Due",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Left empty: in 15 days for P0 and P1, in 30 for others.",
    )
    period_days = forms.IntegerField(
        label="Period in days",
        min_value=1,
        max_value=MAX_PERIOD_DAYS,
        initial=7,
        help_text="Without a pass on main for longer than this it is stale.",
    )
    rule_kind = forms.ChoiceField(label="Which rule", choices=[_NONE, *Control.RuleKind.choices], required=False)
    rule_reference = forms.CharField(
        label="Where it stands",
        max_length=MAX_REFERENCE,
        required=False,
        help_text="A file, the alert's name, the flag's key, an address.",
    )
    check_first = text_field(
        "What to check first", rows=2, required=False, help_text="Shown on incidents of this class."
    )
    never_again = text_field("What never to do again", rows=2, required=False)
    symptom_fix = text_field("Symptom fix", rows=2, required=False, help_text="What stopped the symptom this time.")
    prevention_primitive = text_field(
        "Prevention primitive",
        rows=2,
        required=False,
        help_text="What makes the cause impossible: a function, a constraint, a type that everybody has to go through.",
    )
    evolution = forms.ChoiceField(label="What it adds", choices=[_NONE, *Control.Evolution.choices], required=False)
    governance_updates = DocumentsField(
        label="Documents that it touches",
        help_text="Tick those that change with it; write any others below, one a line.",
    )

    def _part(self, *names: str) -> list[BoundField]:
        return [self[name] for name in names]

    @property
    def part_main(self) -> list[BoundField]:
        return self._part("kind", "title", "command")

    @property
    def part_when(self) -> list[BoundField]:
        return self._part("owner", "due_on", "period_days")

    @property
    def part_rule(self) -> list[BoundField]:
        return self._part("rule_kind", "rule_reference")

    @property
    def part_playbook(self) -> list[BoundField]:
        return self._part("check_first", "never_again")

    @property
    def part_record(self) -> list[BoundField]:
        return self._part("symptom_fix", "prevention_primitive", "evolution", "governance_updates")

    def _opens(self, fields: list[BoundField]) -> bool:
        return any(field.errors or field.value() for field in fields)

    @property
    def opens_rule(self) -> bool:
        return self._opens(self.part_rule) or self["kind"].value() == Control.Kind.RULE

    @property
    def opens_playbook(self) -> bool:
        return self._opens(self.part_playbook) or self["kind"].value() == Control.Kind.PLAYBOOK

    @property
    def opens_record(self) -> bool:
        named = self._part("symptom_fix", "prevention_primitive", "evolution")
        return self._opens(named) or bool(self["governance_updates"].errors)


class ControlRevisionForm(ControlForm):
    """A control as it shall be from now on; `stamp` says which state of it the author had seen."""

    new_version = forms.BooleanField(
        label="Make it a new version",
        required=False,
        help_text="It has to be proven anew. Another command or kind is a new version in any case.",
    )
    reason = forms.CharField(label="Why", max_length=1000, required=False)
    stamp = forms.CharField(widget=forms.HiddenInput, required=False, max_length=16)

    @property
    def part_version(self) -> list[BoundField]:
        return self._part("new_version", "reason")

    def differences_show(self, control: Control, *, stamp: str) -> None:
        """Somebody else was faster: what the control says now, beside each field that differs from what is sent. Sent
        once more, with the new stamp, it is saved.
        """
        sent_value_set(self, "stamp", stamp)
        for name, sent in list(self.cleaned_data.items()):
            if name in ("new_version", "reason", "stamp") or sent == (now := getattr(control, name)):
                continue
            shown = ", ".join(now) if isinstance(now, list) else str(now if now not in (None, "") else "nothing")
            self.add_error(name, f"It says now: {shown}")


class WaiverForm(forms.Form):
    """Why it may count although nothing proves it, and until when. Who gives it is whoever is signed in."""

    reason = forms.CharField(
        label="Why it may count, and what is done meanwhile",
        max_length=MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    expires_at = forms.DateField(
        label="Counts until",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=f"The day (00:00 UTC) from which it counts no more; at most {LONGEST.days} days from now.",
    )

    def clean_expires_at(self) -> datetime:
        day: date = self.cleaned_data["expires_at"]
        return datetime.combine(day, time(), tzinfo=UTC)
