"""Who hears of what: does a rule let a notice through its channel?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from readiness.infra.refusals import FieldError
from readiness.notifications.services.kinds import CHOSEN, TEST, kind_of

PRIORITIES = ("P0", "P1", "P2", "P3")
RULES_LISTED = 100


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A rule's own words: empty `kinds` are the usual ones, empty `projects` everybody's, an empty minimum all."""

    kinds: Collection[str] = ()
    minimum_priority: str = ""
    projects: Collection[int] = ()
    muted_until: datetime | None = None


def rule_matches(*, rule: RuleFacts, kind: str, priority: str, project_id: int, now: datetime) -> bool:
    """A notice without a priority passes every minimum; one of the installation itself (project 0) every choice of
    projects. Tests go where they are sent, by no rule.
    """
    if kind == TEST or (rule.muted_until is not None and rule.muted_until > now):
        return False
    known = kind_of(kind)
    if kind not in rule.kinds if rule.kinds else not known.usual:
        return False
    if rule.projects and project_id and project_id not in rule.projects:
        return False
    minimum = rule.minimum_priority or ("" if rule.kinds else known.minimum)
    return not minimum or priority not in PRIORITIES or priority <= minimum


def rule_check(*, kinds: Sequence[str], minimum_priority: str) -> list[FieldError]:
    """What cannot be a rule."""
    errors = []
    known = {kind.key for kind in CHOSEN}
    if unknown := [kind for kind in kinds if kind not in known]:
        errors.append(FieldError("/kinds", f"{unknown[0][:40]!r} is no kind of notice."))
    if minimum_priority and minimum_priority not in PRIORITIES:
        errors.append(FieldError("/minimum_priority", "Choose P0, P1, P2 or P3, or leave it empty for all."))
    return errors
