"""Fields that the forms of lessons share."""

from typing import Any

from django import forms

from incidents.lessons.services.drafts import MAX_TEXT


class LinesField(forms.CharField):
    """One value a line; a list of the lines that are not empty."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value


def text_field(label: str, *, rows: int = 3, required: bool = True, help_text: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=MAX_TEXT, required=required, help_text=help_text, widget=widget)


def lines_field(label: str, *, rows: int = 2, help_text: str = "", mono: bool = False) -> LinesField:
    attrs = {"rows": rows, **({"class": "mono", "spellcheck": "false"} if mono else {})}
    return LinesField(label=label, required=False, help_text=help_text, widget=forms.Textarea(attrs=attrs))
