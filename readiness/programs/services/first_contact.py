"""The exit criteria of phase S (requirements 61-64), and its goal (5-8), as the console answers them from its own
records. Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from readiness.programs.services.definition import Computed
from readiness.programs.services.facts import ComputedFact

DIAGNOSED_WITHIN = timedelta(minutes=15)


def first_contact_facts(
    *, issue: str, diagnosed: str, took: timedelta | None, prevented: str, control: str
) -> Mapping[Computed, ComputedFact]:
    """`issue`, `diagnosed`, `prevented`: real incidents, or empty; `took` is how long the last diagnosis took."""
    return {
        Computed.REAL_ISSUE: ComputedFact(
            met=bool(issue), text=f"{issue} was the first" if issue else "no real issue has occurred yet"
        ),
        Computed.DIAGNOSED: _diagnosed(diagnosed, took),
        Computed.REPLAYED: ComputedFact(
            met=False, known=False, text="not known: nothing is recorded yet that could be replayed"
        ),
        Computed.PREVENTED: ComputedFact(
            met=bool(control),
            text=f"{control} is proven, and {prevented} has not come back"
            if control
            else "no real incident is prevented by a proven control",
        ),
    }


def goal_facts(
    *, issue: str, evidence: bool, entries: int, diagnosed: bool, controls: Sequence[str]
) -> Mapping[Computed, ComputedFact]:
    """What is there already for the first real incident: evidence, timeline, root cause, prevention path (5-8).
    `entries`: lines of its timeline; `controls`: `CTL-7`.
    """
    if not issue:
        nothing = ComputedFact(met=False, text="no real issue has occurred yet")
        return dict.fromkeys((Computed.EVIDENCE, Computed.TIMELINE, Computed.CAUSE, Computed.PREVENTION), nothing)
    lines = f"{entries} entr{'y' if entries == 1 else 'ies'} on the timeline of {issue}"
    return {
        Computed.EVIDENCE: ComputedFact(
            met=evidence, text=f"{issue} has its event" if evidence else f"nothing is kept of the events of {issue}"
        ),
        Computed.TIMELINE: ComputedFact(met=entries > 0, text=lines),
        Computed.CAUSE: ComputedFact(
            met=diagnosed, text=f"the root cause of {issue} is {'written' if diagnosed else 'not written'}"
        ),
        Computed.PREVENTION: ComputedFact(
            met=bool(controls), text=f"{', '.join(controls)} of {issue}" if controls else f"{issue} has no control"
        ),
    }


def _diagnosed(incident: str, took: timedelta | None) -> ComputedFact:
    if took is None:
        return ComputedFact(met=False, text="no real issue has been diagnosed yet")
    minutes = took.total_seconds() / 60
    shown = f"{minutes:.0f} min" if minutes >= 1 else f"{took.total_seconds():.0f} s"
    return ComputedFact(met=took < DIAGNOSED_WITHIN, text=f"the last diagnosis, of {incident}, took {shown}")
