"""The console's form renderer writes what Django's templates write, to the letter."""

from datetime import date
from typing import Any

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe
from hypothesis import given, settings
from hypothesis import strategies as st

from readiness.infra.form_renderer import ConsoleRenderer
from readiness.infra.templatetags.fields import form_field

HOSTILE = "\"><script>alert(1)</script> & 'x'"
CHOICES = [
    ("", "any"),
    ("a&b", HOSTILE),
    (1, mark_safe("<b>bold</b>")),
    (HOSTILE, [("x", "in a group"), (HOSTILE, "too")]),
]
ATTRS = {"id": "id_one", "maxlength": 20, "required": True, "disabled": False, "placeholder": HOSTILE}
VALUES = ["", None, "text", HOSTILE, 0, 12.5, True, date(2026, 1, 2), mark_safe("<i>safe</i>"), "\nline\r\nline"]


class BoxesAndText(forms.MultiWidget):
    """Two widgets as one."""

    def decompress(self, value: Any) -> list[Any]:
        return [[value], value]


WIDGETS: list[forms.Widget] = [
    forms.TextInput(),
    forms.NumberInput(),
    forms.EmailInput(),
    forms.URLInput(),
    forms.PasswordInput(render_value=True),
    forms.HiddenInput(),
    forms.DateInput(),
    forms.DateTimeInput(),
    forms.TimeInput(),
    forms.CheckboxInput(),
    forms.Textarea(),
    forms.Select(choices=CHOICES),
    forms.SelectMultiple(choices=CHOICES),
    forms.NullBooleanSelect(),
    forms.RadioSelect(choices=CHOICES),
    forms.CheckboxSelectMultiple(choices=CHOICES),
    forms.SplitDateTimeWidget(),
    BoxesAndText({"boxes": forms.CheckboxSelectMultiple(choices=CHOICES), "text": forms.Textarea({"rows": 2})}),
    # Not written here, so Django's own:
    forms.SelectDateWidget(),
    forms.ClearableFileInput(),
]


def both(widget: forms.Widget, value: Any, attrs: dict[str, Any]) -> tuple[str, str]:
    """What the console's renderer and Django's make of a widget."""
    ours = widget.render("one-two", value, attrs, renderer=ConsoleRenderer())
    return str(ours), str(widget.render("one-two", value, attrs, renderer=DjangoTemplates()))


@pytest.mark.parametrize("widget", WIDGETS, ids=lambda widget: type(widget).__name__)
def test_it_writes_what_django_writes(widget: forms.Widget) -> None:
    values = VALUES if widget.__class__ is not forms.SplitDateTimeWidget else [None]
    for value in values:
        for attrs in ({}, ATTRS):
            ours, theirs = both(widget, value, attrs)
            assert ours == theirs, (value, attrs)


@settings(max_examples=25, deadline=None)
@given(value=st.text(max_size=20), name=st.text(alphabet="abc-_", min_size=1, max_size=8))
def test_it_escapes_whatever_is_typed(value: str, name: str) -> None:
    for widget in (
        forms.TextInput({name: value}),
        forms.Textarea({"title": value}),
        forms.Select(choices=[(value, value)]),
    ):
        ours, theirs = both(widget, value, {})
        assert ours == theirs


class Told(forms.Form):
    """A form with every state of a field."""

    default_renderer = ConsoleRenderer
    name = forms.CharField(max_length=3, help_text="A short one.")
    kind = forms.ChoiceField(choices=[("a", "A"), ("b", "B")], required=False)


@pytest.mark.parametrize("data", [None, {}, {"name": "long one", "kind": "c"}, {"name": "ok"}])
def test_it_shows_a_form_with_and_without_errors(data: dict[str, str] | None) -> None:
    ours, theirs = Told(data), Told(data, renderer=DjangoTemplates())
    assert str(ours) == str(theirs)
    assert [str(field.errors) for field in ours] == [str(field.errors) for field in theirs]


def test_a_field_has_its_label_help_and_errors() -> None:
    form = Told({"name": "long one"})
    shown = form_field(form["name"])
    assert (
        '<div class="field"><label for="id_name">Name</label><div class="helptext" id="id_name_helptext">A sh' in shown
    )
    assert '<ul class="errorlist" id="id_name_error"><li>' in shown
    assert 'value="long one"' in shown
    assert '<span class="field-optional">optional</span>' in form_field(form["kind"])
    assert "errorlist" not in form_field(form["kind"])


def test_a_group_stands_in_a_fieldset_and_a_checkbox_before_its_label() -> None:
    class Asked(forms.Form):
        default_renderer = ConsoleRenderer
        some = forms.MultipleChoiceField(
            choices=[("a", HOSTILE)], label=HOSTILE, help_text="<b>of ours</b>", widget=forms.CheckboxSelectMultiple
        )
        sure = forms.BooleanField(label=HOSTILE)

    group, check = form_field(Asked()["some"]), form_field(Asked()["sure"])
    assert group.startswith(
        '<fieldset class="field" aria-describedby="id_some_helptext"><legend class="field-label">&quot;'
    )
    assert check.startswith('<div class="field field-check"><input type="checkbox"')
    assert "<script" not in group + check
