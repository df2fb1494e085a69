"""The exit criteria of phase S (requirements 61-64), as the console answers them from its own records. Pure."""

from collections.abc import Mapping
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


def _diagnosed(incident: str, took: timedelta | None) -> ComputedFact:
    if took is None:
        return ComputedFact(met=False, text="no real issue has been diagnosed yet")
    minutes = took.total_seconds() / 60
    shown = f"{minutes:.0f} min" if minutes >= 1 else f"{took.total_seconds():.0f} s"
    return ComputedFact(met=took < DIAGNOSED_WITHIN, text=f"the last diagnosis, of {incident}, took {shown}")
