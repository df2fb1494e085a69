"""A field of a form with its label, help and errors: `{% load fields %}{% form_field form.name %}`.

In Python, because it is the part of which a page of forms has the most, and a template looks up a dozen names for each.
What nobody has filled in yet is written once and remembered: the same field of the same form, offered with the same
words, is the same HTML on every page.
"""

from collections.abc import Hashable, Iterable
from typing import cast

from django import template
from django.forms import BoundField, ChoiceField
from django.forms.models import ModelChoiceField
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

register = template.Library()

_OPTIONAL = format_html(' <span class="{}">optional</span>', "field-optional")
_NOTHING = format_html("{}", "")
_REMEMBERED = 1_000
_LONGEST = 300  # characters of what a field starts with; what people wrote before is not kept here

_written: dict[Hashable, SafeString] = {}


@register.simple_tag
def form_field(field: BoundField) -> SafeString:
    """A group of inputs stands in a fieldset, a checkbox before its label, everything else under it."""
    if (key := _unfilled(field)) is None:
        return _write(field)
    if (known := _written.get(key)) is None:
        if len(_written) >= _REMEMBERED:
            _written.clear()
        known = _written[key] = _write(field)
    return known


def _unfilled(field: BoundField) -> Hashable | None:
    """All that the HTML of a field depends on while nothing was sent; None where it is not to be remembered."""
    form, kind = field.form, field.field
    if form.is_bound or isinstance(kind, ModelChoiceField) or len(initial := repr(field.initial)) > _LONGEST:
        return None
    offered = repr(list(cast("Iterable[object]", kind.choices))) if isinstance(kind, ChoiceField) else ""
    words = field.label, field.help_text, type(field.help_text)
    fixed = kind.required, kind.disabled, repr(kind.widget.attrs)
    return type(form), field.html_name, field.auto_id, *words, *fixed, offered, initial


def _write(field: BoundField) -> SafeString:
    optional = _NOTHING if field.field.required else _OPTIONAL
    errors = format_html("{}", field.errors) if field.errors else _NOTHING
    if field.use_fieldset:
        described = format_html(' aria-describedby="{}"', field.aria_describedby) if field.aria_describedby else ""
        return format_html(
            '<fieldset class="field"{}><legend class="field-label">{}{}</legend>{}{}{}</fieldset>',
            described, field.label, optional, _help(field), errors, field,
        )  # fmt: skip
    if field.widget_type == "checkbox":
        return format_html(
            '<div class="field field-check">{}<label for="{}">{}</label>{}{}</div>',
            field, field.id_for_label, field.label, _help(field), errors,
        )  # fmt: skip
    return format_html(
        '<div class="field"><label for="{}">{}{}</label>{}{}{}</div>',
        field.id_for_label, field.label, optional, _help(field), errors, field,
    )  # fmt: skip


def _help(field: BoundField) -> SafeString:
    if not field.help_text:
        return _NOTHING
    text = conditional_escape(field.help_text)
    return format_html('<div class="helptext" id="{}_helptext">{}</div>', field.auto_id, text)
