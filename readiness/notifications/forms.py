"""Forms of “Who is told?”: a channel to be, another target, a rule to be."""

from collections.abc import Sequence

from django import forms
from django.http import QueryDict

from readiness.notifications.models import Channel
from readiness.notifications.services.kinds import CHOSEN
from readiness.notifications.services.muting import CHOICES, REASON_CHARS

KIND_CHOICES = [(kind.key, kind.title) for kind in CHOSEN]
PRIORITY_CHOICES = [("", "Any"), ("P0", "P0 only"), ("P1", "P1 and above"), ("P2", "P2 and above")]
TARGET_HELP = (
    "A webhook's URL, or mail addresses, one a line; founders stands for whoever is one. "
    "A private address needs READINESS_OUTBOUND_ALLOW."
)


class ChannelForm(forms.Form):
    """A channel to be."""

    kind = forms.ChoiceField(choices=Channel.Kind.choices, label="Way")
    name = forms.CharField(max_length=80, help_text="Such as “Team chat”.")
    target = forms.CharField(
        max_length=2_000, label="Where to", widget=forms.Textarea(attrs={"rows": 2}), help_text=TARGET_HELP
    )

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="channel_%s")


class RuleForm(forms.Form):
    """A rule to be; `channels` are (id, name)."""

    channel = forms.ChoiceField()
    kinds = forms.MultipleChoiceField(
        choices=KIND_CHOICES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None ticked: the usual ones.",
    )
    minimum_priority = forms.ChoiceField(choices=PRIORITY_CHOICES, required=False, label="Priority")
    tenant = forms.CharField(max_length=63, required=False, help_text="A tenant's slug. Empty: everybody's.")

    def __init__(self, channels: Sequence[tuple[int, str]], data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="rule_%s")
        self.fields["channel"].choices = channels  # type: ignore[attr-defined]


class MuteForm(forms.Form):
    """How long a rule keeps quiet, and why; its page writes the fields by hand, for they stand once for each rule."""

    span = forms.ChoiceField(choices=CHOICES)
    until = forms.DateTimeField(required=False)
    because = forms.CharField(max_length=REASON_CHARS)
