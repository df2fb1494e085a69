"""The verdict follows from rules; nobody types one in.

Go programs: GO when something can be evaluated and nothing blocks, else NO-GO.

Pilots (requirements 302 to 309, A8 to A10), in this order of precedence:
1. CANCEL: an open confirmed P0 or P1, or any confirmed money leak, reproducible or not.
2. EXTEND: a criterion missed or without data, three incidents or more in a week, a rollback, a P0 or P1 that was found
   and fixed, an open P2 or P3, an unconfirmed P0 or P1 or money leak, users' rating not above 4.0 or not asked.
3. PROCEED: none of these. No data is never PROCEED.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum

from readiness.programs.services.blockers import BLOCKING_PRIORITIES, Blocker
from readiness.programs.services.facts import IncidentFact, PilotFacts

MAX_INCIDENTS_A_WEEK = 2  # success needs fewer than three (requirement 304)
RATING_TO_EXCEED = Decimal("4.0")  # of 5.0 (requirement 301)


class VerdictWord(StrEnum):
    GO = "GO"
    NO_GO = "NO-GO"
    PROCEED = "PROCEED"
    EXTEND = "EXTEND"
    CANCEL = "CANCEL"


# Exit codes of `manage.py verdict` (INTERFACES.md).
EXIT_CODES = {
    VerdictWord.GO: 0,
    VerdictWord.PROCEED: 0,
    VerdictWord.NO_GO: 1,
    VerdictWord.EXTEND: 1,
    VerdictWord.CANCEL: 2,
}
EXIT_NOTHING_TO_EVALUATE = 3


def verdict_exit_code(*, verdict: VerdictWord, evaluable: bool) -> int:
    """The exit code of a verdict; 3 when nothing in the program can be evaluated, whatever the word."""
    return EXIT_CODES[verdict] if evaluable else EXIT_NOTHING_TO_EVALUATE


def go_verdict(*, blockers: Sequence[Blocker], evaluable: bool) -> VerdictWord:
    """GO only when there is something to evaluate and no blocker; an empty program is no GO."""
    return VerdictWord.GO if evaluable and not blockers else VerdictWord.NO_GO


def pilot_verdict(
    *, unmet: Sequence[Blocker], incidents: Sequence[IncidentFact], pilot: PilotFacts, evaluable: bool
) -> tuple[VerdictWord, tuple[Blocker, ...]]:
    """The word and its reasons, the cancelling ones first. `unmet` are the gates and the score that do not stand."""
    cancels = _cancelling(incidents)
    extends = (*unmet, *_extending_incidents(incidents), *_extending_pilot(pilot))
    if cancels:
        return VerdictWord.CANCEL, (*cancels, *extends)
    if extends or not evaluable:
        return VerdictWord.EXTEND, extends
    return VerdictWord.PROCEED, ()


def _cancelling(incidents: Sequence[IncidentFact]) -> tuple[Blocker, ...]:
    reasons = []
    for incident in incidents:
        if not incident.confirmed:
            continue
        if incident.money_leak:
            reasons.append(_because(incident, "money leak", "roll back, then find out where the money went"))
        elif incident.open and incident.priority in BLOCKING_PRIORITIES:
            reasons.append(_because(incident, f"open {incident.priority}", "roll back and fix it"))
    return tuple(reasons)


def _extending_incidents(incidents: Sequence[IncidentFact]) -> tuple[Blocker, ...]:
    reasons = []
    for incident in incidents:
        serious = incident.priority in BLOCKING_PRIORITIES
        if not incident.confirmed and (incident.money_leak or (serious and incident.open)):
            what = "money leak" if incident.money_leak else f"open {incident.priority}"
            reasons.append(_because(incident, f"{what}, not yet confirmed", "confirm or dismiss it"))
        elif incident.open and not serious:
            reasons.append(_because(incident, f"open {incident.priority}", "close it or accept a longer pilot"))
        elif serious and not incident.open and not incident.money_leak:
            reasons.append(_because(incident, f"{incident.priority}, found and fixed", "show another week without one"))
    weeks = Counter(incident.first_seen.isocalendar()[:2] for incident in incidents)
    for (year, week), count in sorted(weeks.items()):
        if count > MAX_INCIDENTS_A_WEEK:
            text = f"{count} incidents in week {week} of {year}; fewer than {MAX_INCIDENTS_A_WEEK + 1} are allowed"
            reasons.append(Blocker(kind="pilot", ref="incidents", text=text, next_step="show a quieter week"))
    return tuple(reasons)


def _extending_pilot(pilot: PilotFacts) -> tuple[Blocker, ...]:
    reasons = []
    if pilot.rollbacks:
        times = "once" if pilot.rollbacks == 1 else f"{pilot.rollbacks} times"
        text = f"Rolled back {times} during the pilot"
        reasons.append(Blocker(kind="pilot", ref="rollback", text=text, next_step="show a week without one"))
    if pilot.feedback is None:
        text = "No users' rating recorded"
        reasons.append(Blocker(kind="pilot", ref="feedback", text=text, next_step="ask the pilot's users"))
    elif pilot.feedback <= RATING_TO_EXCEED:
        text = f"Users rate it {pilot.feedback} of 5.0; more than {RATING_TO_EXCEED} is needed"
        reasons.append(Blocker(kind="pilot", ref="feedback", text=text, next_step="read what they said"))
    return tuple(reasons)


def _because(incident: IncidentFact, what: str, step: str) -> Blocker:
    return Blocker(kind="incident", ref=incident.ref, text=f"{incident.title}: {what}", next_step=step)
