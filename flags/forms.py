"""Forms that change a flag: a person types text, the flag's type says what it spells."""

from typing import Any

from django import forms
from django.http import QueryDict

from flags.models import Flag
from flags.services.changes import LONGEST_REASON
from flags.services.values import (
    ENVIRONMENT_PATTERN,
    PRODUCTION,
    FlagType,
    JsonValue,
    range_text,
    value_parse,
    value_text,
)
from readiness.infra.admin import WorkflowForm
from readiness.infra.refusals import Invalid, Refusal

_BOOLEANS = (("true", "true"), ("false", "false"))
_HELP = {
    FlagType.BOOLEAN: "",
    FlagType.INTEGER: "A whole number",
    FlagType.STRING: "Text, as clients are to read it",
    FlagType.NUMBER: "A decimal number, such as 0.25",
    FlagType.OBJECT: "A JSON object",
}


def reason_field(*, required: bool = False) -> forms.CharField:
    return forms.CharField(
        label="Why",
        required=required,
        max_length=LONGEST_REASON,
        help_text="Kept in the history, with your name.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class FlagValueForm(forms.Form):
    """The value of one flag; `version` is the one that the person saw (0: no row of its own here yet)."""

    value = forms.CharField(required=False)
    reason = reason_field()
    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2**31 - 1)

    def __init__(self, data: QueryDict | None, *, flag: Flag, version: int) -> None:
        self.type = FlagType(flag.type)
        shown = value_text(type=self.type, value=flag.value, indent=2)
        super().__init__(data, initial={"value": shown, "version": version})
        self.fields["value"] = _value_field(flag)

    def clean_value(self) -> JsonValue:
        return _parsed(self.type, self.cleaned_data["value"])


class FlagPlaceForm(forms.Form):
    """Where a flag gets a value of its own."""

    tenant = forms.CharField(max_length=63, required=False, help_text="A tenant's slug. Empty: everyone.")
    environment = forms.RegexField(
        f"^{ENVIRONMENT_PATTERN}$",
        max_length=64,
        initial=PRODUCTION,
        error_messages={"invalid": "Use letters, digits, dots, dashes and underscores, such as staging."},
    )


class FlagReasonForm(forms.Form):
    """Why a switch is thrown."""

    reason = reason_field(required=True)


class FlagAdminForm(WorkflowForm):
    """A whole flag, definition and value. The type is chosen once; `tenant` and `environment` too."""

    value = forms.CharField(
        required=False, help_text="true or false, digits, text, or a JSON object: as the type says."
    )
    safe_value = forms.CharField(
        label="Safe variant",
        required=False,
        help_text="What a kill switch turns it to, in the same form; empty: it cannot be killed.",
    )
    tenant = forms.CharField(required=False, max_length=63, help_text="A tenant's slug; empty: for everyone.")
    reason = reason_field()
    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=0, max_value=2**31 - 1)

    class Meta:
        model = Flag
        fields = ("key", "environment", "type", "visibility", "description", "minimum", "maximum", "version")
        widgets = {"description": forms.Textarea(attrs={"rows": 2, "cols": 60})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is None or "value" not in self.fields:
            return
        type = FlagType(self.instance.type)
        self.fields["value"] = _value_field(self.instance)
        self.initial["value"] = value_text(type=type, value=self.instance.value, indent=2)
        safe = self.instance.safe_value
        self.initial["safe_value"] = "" if safe is None else value_text(type=type, value=safe)

    def clean(self) -> dict[str, Any] | None:
        """The texts as values, once the type is known."""
        cleaned = super().clean() or self.cleaned_data
        type = cleaned.get("type") or self.instance.type
        if type:
            self._parse("value", FlagType(type))
            if cleaned.get("safe_value"):
                self._parse("safe_value", FlagType(type))
            else:
                cleaned["safe_value"] = None
        return cleaned

    def _parse(self, name: str, type: FlagType) -> None:
        if name in self.cleaned_data:
            try:
                self.cleaned_data[name] = _parsed(type, self.cleaned_data[name])
            except forms.ValidationError as error:
                self.add_error(name, error)


def show_refusal(form: forms.Form, refusal: Refusal) -> None:
    """Put what a workflow refused beside the fields that it names, or above the form."""
    named = [error for error in refusal.errors if error.pointer.lstrip("/") in form.fields]
    for error in named:
        if not form.fields[error.pointer.lstrip("/")].widget.is_hidden:
            form.add_error(error.pointer.lstrip("/"), error.detail)
    if not form.errors:
        form.add_error(None, refusal.detail)


def _value_field(flag: Flag) -> forms.Field:
    type = FlagType(flag.type)
    if type is FlagType.BOOLEAN:
        return forms.ChoiceField(choices=_BOOLEANS)
    long = type in (FlagType.STRING, FlagType.OBJECT)
    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}) if long else forms.TextInput()
    hint = range_text(minimum=flag.minimum, maximum=flag.maximum)
    help_text = f"{_HELP[type]}, {hint}." if hint else f"{_HELP[type]}."
    return forms.CharField(required=type is not FlagType.STRING, strip=False, widget=widget, help_text=help_text)


def _parsed(type: FlagType, text: str) -> JsonValue:
    try:
        return value_parse(type=type, text=text)
    except Invalid as refused:
        raise forms.ValidationError(refused.detail) from None
