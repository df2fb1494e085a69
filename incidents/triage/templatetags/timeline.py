"""`{% load timeline %}`: an entry of the timeline, in Python because a page has dozens of them."""

from datetime import datetime
from types import MappingProxyType

from django import template
from django.template.defaultfilters import linebreaksbr
from django.utils.html import format_html
from django.utils.safestring import SafeString

from incidents.triage.models import TimelineEntry
from readiness.infra.clock import isoz
from readiness.infra.templatetags.console import when

register = template.Library()

_LOOKS = MappingProxyType(
    {
        " is-fail": ("detected", "recurred", "escalated", "control-broken", "control-ineffective"),
        " is-pass": ("control-proven", "prevented", "closed"),
        " is-warn": ("control-stale", "control-overdue", "update-due", "reopened"),
        " is-info": ("update", "note"),
    }
)
_CLASSES = MappingProxyType({kind: look for look, kinds in _LOOKS.items() for kind in kinds})


_WORDS = MappingProxyType({"update": "Status update", "note": "Note"})


@register.simple_tag
def timeline_entry(entry: TimelineEntry, exact: bool = False) -> SafeString:
    """One list item: when, what, who; `exact`: its time as a document has it, not relative to now. Its kind gives it a
    look, where it is more than something that happened.
    """
    word = format_html("<b>{}</b> ", _WORDS[entry.kind]) if entry.kind in _WORDS else ""
    return format_html(
        '<li class="timeline-entry{}">{} {}{} <span class="quiet">{}</span></li>',
        _CLASSES.get(entry.kind, ""), _exactly(entry.at) if exact else when(entry.at), word,
        linebreaksbr(entry.text, autoescape=True), entry.actor,
    )  # fmt: skip


def _exactly(at: datetime) -> SafeString:
    iso = isoz(at.replace(microsecond=0)) or ""
    title = f"{iso[:10]} {iso[11:19]} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', iso, title, f"{at.day} {at:%b %H:%M}")
