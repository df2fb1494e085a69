"""What a person changed of a control, in words for its incident's timeline. Pure.

A longer period makes a stale control proven without a run, and a later day takes an overdue one off the list: both are
a person's to say, and neither goes unseen.
"""

from collections.abc import Mapping
from typing import Any

LONGEST = 80
# What stands in one line, with what it was before; of the rest only that it is another.
_LINES = {
    "title": "its title", "owner": "its owner", "due_on": "its due day", "period_days": "its period in days",
    "rule_kind": "which rule it is", "rule_reference": "where the rule stands", "evolution": "what it evolves",
}  # fmt: skip
_TEXTS = {
    "check_first": "what to check first", "never_again": "what never to do again", "symptom_fix": "its symptom fix",
    "prevention_primitive": "its prevention primitive", "governance_updates": "the documents that it touches",
}  # fmt: skip


def control_changes_say(*, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """`its period in days: 7 → 30; its owner: none → Ada`; empty where nothing of it differs. Its kind and command
    are not among them: another one is another version, which is said by itself.
    """
    said = [
        f"{words}: {_value(before[name])} → {_value(after[name])}"
        for name, words in _LINES.items()
        if before[name] != after[name]
    ]
    written = [words for name, words in _TEXTS.items() if before[name] != after[name]]
    return "; ".join([*said, *([f"written anew: {', '.join(written)}"] if written else [])])


def _value(value: object) -> str:
    text = str(value) if value not in (None, "") else "none"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
