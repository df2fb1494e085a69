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
from django.utils.html import conditional_escape, escape, strip_spaces_between_tags

_OPTIONS = frozenset(f"django/forms/widgets/{name}_option.html" for name in ("select", "checkbox", "radio"))


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


def _choices(widget: Mapping[str, Any]) -> str:
    """Boxes to tick, or one of them: each with its words beside it."""
    attrs = widget["attrs"]
    held = "".join(f' {name}="{conditional_escape(attrs[name])}"' for name in ("id", "class") if attrs.get(name))
    parts = [f"<div{held}>"]
    for group, options, _ in widget["optgroups"]:
        parts.append(f"\n  <div><label>{conditional_escape(group)}</label>" if group else "")
        parts.extend(f"<div>\n    {_choice(option)}</div>" for option in options)
        parts.append("\n  </div>" if group else "")
    return "".join((*parts, "\n</div>"))


def _choice(widget: Mapping[str, Any]) -> str:
    """The boxes of Django's choices always stand within their label."""
    box, names = _input(widget), widget["attrs"].get("id")
    named = f' for="{conditional_escape(names)}"' if names else ""
    return f"<label{named}>{box}\n {conditional_escape(widget['label'])}</label>\n\n"


_INPUTS = ("checkbox", "date", "datetime", "email", "hidden", "input", "number", "password", "text", "time", "url")
_WRITERS: Mapping[str, Callable[[Mapping[str, Any]], str]] = MappingProxyType(
    {
        **{f"django/forms/widgets/{name}.html": _input for name in _INPUTS},
        "django/forms/widgets/textarea.html": _textarea,
        "django/forms/widgets/select.html": _select,
        "django/forms/widgets/checkbox_select.html": _choices,
        "django/forms/widgets/radio.html": _choices,
    }
)


class ConsoleRenderer(DjangoTemplates):
    """Django's own renderer, quick for the common widgets and for a field without errors."""

    def render(self, template_name: str, context: dict[str, Any], request: HttpRequest | None = None) -> str:
        writer = _WRITERS.get(template_name)
        if writer is not None and _plain(context["widget"]):
            return writer(context["widget"])
        if template_name == "django/forms/widgets/multiwidget.html":
            parts = context["widget"]["subwidgets"]
            return strip_spaces_between_tags(
                "".join(self.render(part["template_name"], {"widget": part}, request) for part in parts)
            )
        if template_name == "django/forms/errors/list/default.html" and not context["errors"]:
            return ""
        return super().render(template_name, context, request)


def _plain(widget: Mapping[str, Any]) -> bool:
    """A choice whose options have a template of their own is left to Django."""
    groups = widget.get("optgroups", ())
    return all(option["template_name"] in _OPTIONS for _, options, _ in groups for option in options)
