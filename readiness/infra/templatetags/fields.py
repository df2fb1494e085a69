"""A field of a form with its label, help and errors: `{% load fields %}{% form_field form.name %}`.

In Python, because it is the part of which a page of forms has the most, and a template looks up a dozen names for each.
"""

from django import template
from django.forms import BoundField
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

register = template.Library()

_OPTIONAL = format_html(' <span class="{}">optional</span>', "field-optional")
_NOTHING = format_html("{}", "")


@register.simple_tag
def form_field(field: BoundField) -> SafeString:
    """A group of inputs stands in a fieldset, a checkbox before its label, everything else under it."""
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
