"""What a page shows of a flag's history: fields renamed to words, values as people write them."""

from collections.abc import Mapping
from dataclasses import dataclass

from flags.services.values import FlagType, JsonValue, value_text

_LABELS = {"safe_value": "safe variant", "killed": "kill switch", "minimum": "least allowed", "maximum": "most allowed"}
_TYPED = ("value", "safe_value")


@dataclass(frozen=True, slots=True)
class ChangedField:
    """One field of a revision; `label` is empty for the value itself, a dash stands for nothing."""

    label: str
    was: str
    now: str


def changed_fields(
    *, type: FlagType, before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]
) -> list[ChangedField]:
    """A revision's fields in the order that they were recorded."""
    names = [*before, *(name for name in after if name not in before)]
    return [
        ChangedField(
            label="" if name == "value" else _LABELS.get(name, name),
            was=_text(type, name, before.get(name)),
            now=_text(type, name, after.get(name)),
        )
        for name in names
    ]


def _text(type: FlagType, name: str, value: JsonValue) -> str:
    if value is None or value == "":
        return "—"
    if name == "killed":
        return "on" if value else "off"
    return value_text(type=type, value=value) if name in _TYPED else str(value)
