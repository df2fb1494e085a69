"""What a program is made of, as its file says it: gates with criteria, rubric, uplift path, calendar.

Nothing in here is an attestation: whether a criterion is met, or what a category scores, are facts
(`readiness.programs.services.facts`) that somebody recorded with evidence.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class ProgramKind(StrEnum):
    """Which three or two words the verdict may be."""

    GO = "go"  # GO, NO-GO
    PILOT = "pilot"  # PROCEED, EXTEND, CANCEL


class Comparator(StrEnum):
    """How a measured value is held against a criterion's threshold."""

    AT_LEAST = "at_least"
    AT_MOST = "at_most"
    ABOVE = "above"
    BELOW = "below"
    EQUALS = "equals"


class Computed(StrEnum):
    """What the console finds out by itself from its incidents, lessons and controls: nobody attests it. The first four
    are phase S's exit criteria (requirements 61-64), the next four its goal (5-8), the others the review's after a
    pilot (359).
    """

    REAL_ISSUE = "first_real_issue"
    DIAGNOSED = "diagnosed_in_time"
    REPLAYED = "can_be_replayed"
    PREVENTED = "recurrence_prevented"
    EVIDENCE = "first_issue_evidence"
    TIMELINE = "first_issue_timeline"
    CAUSE = "first_issue_cause"
    PREVENTION = "first_issue_prevention"
    LOG_DIAGNOSED = "incidents_diagnosed"
    POST_MORTEMS = "post_mortems_written"
    LESSONS = "lessons_written"
    CONTROLLED = "incidents_controlled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Work on a program has stopped on purpose (requirement 171): since when, why, what stands and what waits."""

    reason: str
    since: date | None = None
    completed: tuple[str, ...] = ()
    deferred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NonFocus:
    """What the program leaves alone on purpose, and why (requirement 60)."""

    item: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlsAsked:
    """Which controls a criterion rests on: those that fit all of the lists, an empty list fits every control.

    `classes`: error classes or their families (`domain`); `priorities`: P0 to P3 of the incident; `keys`: `CTL-7`.
    """

    classes: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionDefinition:
    """One thing that a gate asks for. With `controls` it is judged by the states of the lessons' controls, with a
    comparator by a value, without either by an outcome.

    `unmet` says what is missing in the team's words, `next_step` what to do about it. `aggregation` names how the value
    is made (p95, average, max: A7); it is shown, never computed here. One that is `computed` takes no evidence.
    """

    key: str
    text: str
    unmet: str = ""
    next_step: str = ""
    comparator: Comparator | None = None
    threshold: Decimal | None = None
    unit: str = ""
    aggregation: str = ""
    max_age_days: int | None = None
    computed: Computed | None = None
    controls: ControlsAsked | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDefinition:
    """A gate passes when every criterion is met and every gate it waits for has passed."""

    key: str
    title: str
    criteria: tuple[CriterionDefinition, ...]
    required: bool = True
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryDefinition:
    """One line of the rubric. The weights of a program's categories sum to 100."""

    key: str
    title: str
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UpliftStep:
    """A named way to raise one category's score; `needs_days` is the least time that it takes, if time decides."""

    category: str
    from_score: int
    to_score: int
    requirement: str
    needs_days: int = 0


class Rhythm(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    BIWEEKLY = "biweekly"
    TRIGGER = "trigger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """One line of the calendar. `weekday` is 0 for Monday; `start` anchors a bi-weekly rhythm; `stated` is the date
    that the document claims, compared with the computed one (A1, A5). One review may be the one that decides.
    """

    what: str
    rhythm: Rhythm
    weekday: int | None = None
    start: date | None = None
    owner: str = ""
    stated: date | None = None
    decides: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prerequisite:
    key: str
    item: str
    priority: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramDefinition:
    """A whole program. `threshold` is in points of 100; None when the program has no rubric."""

    slug: str
    kind: ProgramKind
    title: str
    subtitle: str = ""
    target: str = ""
    owner: str = ""
    threshold: Decimal | None = None
    evidence_max_age_days: int = 90
    gates: tuple[GateDefinition, ...] = ()
    categories: tuple[CategoryDefinition, ...] = ()
    uplift: tuple[UpliftStep, ...] = ()
    reviews: tuple[Review, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()
    non_focus: tuple[NonFocus, ...] = ()
    frozen: Frozen | None = None
