"""The form of a post-mortem."""

from typing import Any

from django import forms

from incidents.lessons.forms.fields import sent_value_set
from incidents.triage.services.post_mortems import MAX_TEXT


def _text(label: str, help_text: str, *, rows: int = 4, required: bool = True) -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, help_text=help_text, widget=widget, max_length=MAX_TEXT, required=required)


class PostMortemForm(forms.Form):
    """`revision` is the one that its author saw; 0 where there is none."""

    revision = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=1_000_000, initial=0)
    summary = _text("Summary", "What happened, in a few sentences that somebody outside the team understands.")
    impact = _text("Impact", "Who was hit, how, and for how long.")
    went_well = _text("What went well", "Keep doing it.", rows=3, required=False)
    went_wrong = _text("What went wrong", "What let it happen, and what made it worse or longer.")
    lucky = _text("Where we got lucky", "What would have made it worse.", rows=3, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("prefix", "post")
        super().__init__(*args, **kwargs)

    def overtaken_by(self, revision: int) -> None:
        """What is written by now stands above the form: sent once more, it is saved on top of that."""
        sent_value_set(self, "revision", str(revision))
