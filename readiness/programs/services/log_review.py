"""The checklist after a pilot (requirement 359), where the console's own records answer it. Pure.

An empty log is no reviewed one: where no real incident was ever recorded, nothing is known, for a pilot that nobody
listened to looks the same as one in which nothing broke.
"""

from collections.abc import Mapping, Sequence

from readiness.programs.services.definition import Computed
from readiness.programs.services.facts import ComputedFact

NAMED = 3
COUNTED_TO = 100


def log_review_facts(
    *,
    recorded: bool,
    undiagnosed: Sequence[str],
    without_post_mortem: Sequence[str],
    without_lesson: Sequence[str],
    without_control: Sequence[str],
) -> Mapping[Computed, ComputedFact]:
    """The lists: public ids of what is missing, the gravest first, those beyond COUNTED_TO cut off after one more."""
    missing = {
        Computed.LOG_DIAGNOSED: (undiagnosed, "no root cause with evidence", "every root cause is written"),
        Computed.POST_MORTEMS: (
            without_post_mortem,
            "no post-mortem",
            "every post-mortem that is asked for is written",
        ),
        Computed.LESSONS: (without_lesson, "no lesson", "every lesson that is asked for is written"),
        Computed.CONTROLLED: (without_control, "no control", "every one has a control"),
    }
    return {key: _fact(recorded, *told) for key, told in missing.items()}


def _fact(recorded: bool, names: Sequence[str], lacks: str, held: str) -> ComputedFact:
    if not recorded:
        return ComputedFact(met=False, known=False, text="no real incident was ever recorded, so nothing was reviewed")
    if not names:
        return ComputedFact(met=True, text=held)
    total = f"over {COUNTED_TO}" if len(names) > COUNTED_TO else str(len(names))
    shown = ", ".join(names[:NAMED])
    more = f" and {len(names) - NAMED} more" if NAMED < len(names) <= COUNTED_TO else ""
    verb = "has" if len(names) == 1 else "have"
    return ComputedFact(met=False, text=f"{total} {verb} {lacks}: {shown}{', …' if len(names) > COUNTED_TO else more}")
