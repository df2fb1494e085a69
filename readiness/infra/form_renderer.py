"""The widgets that every form has, written in Python instead of by templates (settings.FORM_RENDERER).

A page of forms renders two templates for each input and each option of a select, which was nearly half of the time
that its HTML took. What comes out is Django's to the letter; widgets that are not named here, the admin's among them,
and lists of errors that there are go through Django's templates as before.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from django.forms.renderers import DjangoTemplates
from django.http import HttpRequest
from django.utils.html import conditional_escape, escape

_OPTION = "django/forms/widgets/select_option.html"


def _text(value: object) -> str:
    """What the template's `|stringformat:"s"` gives: safe text stays as it is."""
    return conditional_escape(value if isinstance(value, str) else str(value))


def _attributes(widget: Mapping[str, Any]) -> str:
    """` name="value"` of each; True is the name alone, False is left out."""
    return "".join(
        f" {escape(name)}" if value is True else f' {escape(name)}="{_text(value)}"'
        for name, value in widget["attrs"].items()
        if value is not False
    )


def _input(widget: Mapping[str, Any]) -> str:
    value = widget["value"]
    held = "" if value is None else f' value="{_text(value)}"'
    return f'<input type="{escape(widget["type"])}" name="{escape(widget["name"])}"{held}{_attributes(widget)}>'


def _textarea(widget: Mapping[str, Any]) -> str:
    text = conditional_escape(widget["value"]) if widget["value"] else ""
    return f'<textarea name="{escape(widget["name"])}"{_attributes(widget)}>\n{text}</textarea>'


def _select(widget: Mapping[str, Any]) -> str:
    parts = [f'<select name="{escape(widget["name"])}"{_attributes(widget)}>']
    for group, options, _ in widget["optgroups"]:
        parts.append(f'\n  <optgroup label="{conditional_escape(group)}">' if group else "")
        parts.extend(f"\n  {_option(option)}\n" for option in options)
        parts.append("\n  </optgroup>" if group else "")
    return "".join((*parts, "\n</select>"))


def _option(widget: Mapping[str, Any]) -> str:
    label = conditional_escape(widget["label"])
    return f'<option value="{_text(widget["value"])}"{_attributes(widget)}>{label}</option>'


_INPUTS = ("checkbox", "date", "datetime", "email", "hidden", "input", "number", "password", "text", "time", "url")
_WRITERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        **{f"django/forms/widgets/{name}.html": _input for name in _INPUTS},
        "django/forms/widgets/textarea.html": _textarea,
        "django/forms/widgets/select.html": _select,
    }
)


class ConsoleRenderer(DjangoTemplates):
    """Django's own renderer, quick for the common widgets and for a field without errors."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        writer = _WRITERS.get(template_name)
        if writer is not None and _plain(context["widget"]):
            return writer(context["widget"])
        if template_name == "django/forms/errors/list/default.html" and not context["errors"]:
            return ""
        return super().render(template_name, context, request)


def _plain(widget: Mapping[str, Any]) -> bool:
    """A select whose options have a template of their own is left to Django."""
    groups = widget.get("optgroups", ())
    return all(option["template_name"] == _OPTION for _, options, _ in groups for option in options)
