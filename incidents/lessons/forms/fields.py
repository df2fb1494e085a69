"""Fields that the forms of lessons share."""

from typing import Any

from django import forms
from django.http import QueryDict

from incidents.lessons.services.drafts import MAX_TEXT
from incidents.lessons.services.factors import factors_of
from incidents.lessons.services.prevention import GOVERNANCE_DOCUMENTS


class LinesField(forms.CharField):
    """One value a line; a list of the lines that are not empty."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        return [line.strip() for line in str(value or "").splitlines() if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list | tuple) else value


class FactorsField(LinesField):
    """Contributing factors, one a line, each behind its kind if its author says which."""

    def prepare_value(self, value: Any) -> Any:
        lines = [item.line for item in factors_of(value)] if isinstance(value, list | tuple) else value
        return super().prepare_value(lines)


class DocumentsWidget(forms.MultiWidget):
    """Boxes for the suggested documents above a box for the others."""

    use_fieldset = True

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        others = forms.Textarea(attrs={"rows": 2, "aria-label": "Other documents, one a line"})
        boxes = forms.CheckboxSelectMultiple(choices=[(name, name) for name in GOVERNANCE_DOCUMENTS])
        super().__init__(widgets={"known": boxes, "others": others}, attrs=attrs)

    def decompress(self, value: Any) -> list[Any]:
        names = list(value or [])
        others = "\n".join(name for name in names if name not in GOVERNANCE_DOCUMENTS)
        return [[name for name in names if name in GOVERNANCE_DOCUMENTS], others]


class DocumentsField(forms.MultiValueField):
    """The documents that a control touches: those that are suggested, ticked, and any others, one a line."""

    def __init__(self, **kwargs: Any) -> None:
        choices = [(name, name) for name in GOVERNANCE_DOCUMENTS]
        fields = (
            forms.MultipleChoiceField(choices=choices, required=False),
            LinesField(required=False),
        )
        super().__init__(fields=fields, require_all_fields=False, required=False, widget=DocumentsWidget, **kwargs)

    def compress(self, data_list: list[list[str]]) -> list[str]:
        return [name for part in data_list or [] for name in part]


def sent_value_set(form: forms.Form, name: str, value: str) -> None:
    """What the form shows as sent in one field: the rest of what was sent stays as it is."""
    if isinstance(form.data, QueryDict):
        data = form.data.copy()
        data[form.add_prefix(name)] = value
        form.data = data


def text_field(label: str, *, rows: int = 3, required: bool = True, help_text: str = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": rows})
    return forms.CharField(label=label, max_length=MAX_TEXT, required=required, help_text=help_text, widget=widget)


def lines_field(label: str, *, rows: int = 2, help_text: str = "", mono: bool = False) -> LinesField:
    attrs = {"rows": rows, **({"class": "mono", "spellcheck": "false"} if mono else {})}
    return LinesField(label=label, required=False, help_text=help_text, widget=forms.Textarea(attrs=attrs))
