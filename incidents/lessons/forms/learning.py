"""Forms of the incident's page: their fields carry the names that the workflows refuse by."""

from collections.abc import Sequence

from django import forms

from incidents.lessons.forms.evidence import ErrorIdsField
from incidents.lessons.forms.fields import FactorsField, lines_field, sent_value_set, text_field
from incidents.lessons.services.pinning import MAX_REASON


class RootCauseForm(forms.Form):
    """What happened and why it could; saving it with evidence stops the clock."""

    text = text_field("What happened, and why it could", rows=4)
    contributing_factors = FactorsField(
        label="Contributing factors",
        required=False,
        help_text="One a line, behind its kind if you like (code, configuration, process, people, dependency), such as "
        "“process: nobody reviewed it”.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )
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

    def overtaken_by(self, revision: int) -> bool:
        """Whether somebody wrote `revision` since the author of what was sent had read. Sent once more it is saved on
        top of that one: the author sees both.
        """
        if not self.is_bound or self["revision"].value() in (revision, str(revision)):
            return False
        sent_value_set(self, "revision", str(revision))
        return True

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

    def overtaken_by(self, lesson_id: int) -> None:
        """Somebody corrected the same lesson: sent once more, this corrects theirs, which the author sees."""
        sent_value_set(self, "replaces", str(lesson_id))
