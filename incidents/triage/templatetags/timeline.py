"""`{% load timeline %}`: how an entry of the timeline looks by its kind."""

from types import MappingProxyType

from django import template

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


@register.filter
def entry_class(kind: str) -> str:
    """The class that an entry's list item has beside its own; none for what only happened."""
    return _CLASSES.get(kind, "")
