"""What a control says of itself beyond its command: which rule it is, what it evolves, which documents it touches,
when it is due, and whether its title names something that can be checked.
"""

import re
from datetime import date, timedelta
from enum import StrEnum

from incidents.lessons.services.control_state import AWAITED
from incidents.triage.services.response import is_grave


class RuleKind(StrEnum):
    """Which rule a control of the kind `rule` is (requirement 55; DESIGN, "Controls are of three kinds")."""

    FORBIDDEN_PATTERN = "forbidden_pattern"
    ALERT_RULE = "alert_rule"
    FLAG_GUARD = "flag_guard"
    OTHER = "other"


class Evolution(StrEnum):
    """Requirement 189: every incident leads to a new primitive, a stricter intent, or a new CI invariant."""

    NEW_PRIMITIVE = "new_primitive"
    STRICTER_INTENT = "stricter_intent"
    NEW_CI_INVARIANT = "new_ci_invariant"


# Requirement 136 names these three; a form suggests them and takes any other document beside.
GOVERNANCE_DOCUMENTS = ("docstring of what it guards", "SEMANTIC_ARTIFACTS.md", "SESSION_PLAYBOOK.yaml section 16")

# PagerDuty's post-mortem process: actions of its gravest incidents within 15 days, of all others within 30.
_GRAVE_DAYS, _OTHER_DAYS = 15, 30

# PagerDuty and Google's SRE workbook ask of an action that it is bounded: one can say when it is done. These can not.
_UNBOUNDED = re.compile(
    r"\b(improve|investigate|look into|be (?:more )?careful|take care|try to|consider|think about|be aware|"
    r"pay attention|make sure|keep an eye|monitor (?:more|better|closely)|better|more often|as soon as possible)\b",
    re.IGNORECASE,
)


def control_due_default(*, priority: str, today: date) -> date:
    """When a control is due to be proven unless a person says otherwise; a priority that is none counts as grave."""
    return today + timedelta(days=_GRAVE_DAYS if is_grave(priority) else _OTHER_DAYS)


def control_is_overdue(*, state: str, due_on: date | None, today: date) -> bool:
    """Whether its day is over and it was never proven. One that was, and is stale, broken or refuted since, kept its
    day: that it holds no more is told and shown as what it is.
    """
    return due_on is not None and due_on < today and state in AWAITED


def title_hint(title: str) -> str:
    """What could be better in a control's title, or nothing. A hint, never a refusal: people may know better."""
    found = _UNBOUNDED.search(title)
    if found is None:
        return ""
    return (
        f"“{found.group(0)}” has no end: nobody can say when it is done. Name the one thing that fails if it comes "
        "back, such as “A budget read twice is refused”."
    )
