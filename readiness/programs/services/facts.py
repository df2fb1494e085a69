"""What has been recorded about a program: evidence, attestations, scores, incidents. Plain data, read by the rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from readiness.programs.services.definition import Computed


class Outcome(StrEnum):
    """What a piece of evidence says of itself. NONE: it says nothing (a document), so somebody has to attest to it."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    NONE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFact:
    """One piece of evidence: `ref` is its public id (EV-31), `url` a web address or a path in the team's repository."""

    ref: str
    kind: str
    title: str
    url: str = ""
    note: str = ""
    outcome: Outcome = Outcome.NONE
    value: Decimal | None = None
    unit: str = ""
    collected_at: datetime
    valid_until: datetime | None = None


class Claim(StrEnum):
    """What an attestation says of its criterion. NOTED: here is evidence, but nobody says yet that it is enough."""

    MET = "met"
    NOT_MET = "not_met"
    NOTED = "noted"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationFact:
    """The newest word on one criterion: it rests on exactly this evidence."""

    criterion: str
    claim: Claim
    evidence: tuple[EvidenceFact, ...]
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreFact:
    """The newest score of one rubric category, 0 to 4, and the evidence that it names."""

    category: str
    score: int
    evidence: tuple[EvidenceFact, ...]
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFact:
    """An incident as a verdict sees it. `priority` P0 to P3; `confirmed`: errors under a trusted key made it so,
    or a person confirmed it; `first_seen` decides its week.
    """

    ref: str
    title: str
    priority: str
    open: bool
    confirmed: bool
    first_seen: datetime
    money_leak: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlFact:
    """A control of the lessons as a gate sees it now. `ref` is `CTL-7`, `state` in INTERFACES' words; `error_class` and
    `priority` are its incident's; `due_at`: when a pass on main is next due; `due_on`: the day to be proven by;
    `waiver`: who vouches for it until when, empty as a rule.
    """

    ref: str
    title: str
    url: str
    state: str
    reason: str
    error_class: str
    priority: str
    state_at: datetime
    due_at: datetime | None = None
    due_on: date | None = None
    waiver: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PilotFacts:
    """What only a pilot is asked: how often it was rolled back, and its users' rating out of 5 (None: nobody asked)."""

    rollbacks: int = 0
    feedback: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputedFact:
    """What the console found out by itself, in one clause. `known` is False where it cannot know yet."""

    met: bool
    text: str
    known: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramFacts:
    """Everything recorded that a verdict may rest on, newest word per criterion and per category only. `controls` is
    None where nobody asked: no criterion rests on them, or the program is pinned to its document's date.
    """

    attestations: tuple[AttestationFact, ...] = ()
    scores: tuple[ScoreFact, ...] = ()
    incidents: tuple[IncidentFact, ...] = ()
    pilot: PilotFacts = PilotFacts()
    computed: Mapping[Computed, ComputedFact] = field(default_factory=dict)
    controls: tuple[ControlFact, ...] | None = None
