"""What lessons know of "What breaks if users arrive?": incidents that nothing prevents, and controls that do not hold.
Pure.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from incidents.lessons.services.control_state import AWAITED, ControlState
from incidents.triage.services.ops_health import count_words
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel, refs_words

UNCONTROLLED: Mapping[str, OpsRiskLevel] = {
    "P0": OpsRiskLevel.HIGH,
    "P1": OpsRiskLevel.HIGH,
    "P2": OpsRiskLevel.MEDIUM,
    "P3": OpsRiskLevel.LOW,
}
FAILING: Mapping[ControlState, OpsRiskLevel] = {
    ControlState.INEFFECTIVE: OpsRiskLevel.HIGH,
    ControlState.BROKEN: OpsRiskLevel.HIGH,
    ControlState.STALE: OpsRiskLevel.MEDIUM,
}
_TODO: Mapping[ControlState, str] = {
    ControlState.INEFFECTIVE: "Write a new version of it that would have caught the recurrence, and prove that.",
    ControlState.BROKEN: "Mend what it checks; its gate stays red until it passes on main.",
    ControlState.STALE: "Run it on main: nobody knows whether it still passes.",
}


def uncontrolled_risks(*, counts: Mapping[str, int], refs: Sequence[str]) -> list[OpsRiskFinding]:
    """Open incidents without any control, as one finding, as grave as the gravest: they will happen again (56).
    `counts`: priority → how many; `refs`: some of them, the gravest first.
    """
    found = {priority: counts[priority] for priority in UNCONTROLLED if counts.get(priority)}
    if not found:
        return []
    total, by_priority = sum(found.values()), ", ".join(f"{number} {name}" for name, number in found.items())
    return [
        OpsRiskFinding(
            level=max((UNCONTROLLED[priority] for priority in found), key=lambda level: level.rank),
            kind="incident_uncontrolled",
            component="",
            title=f"{count_words(total, 'open incident')} will happen again",
            why=f"{refs_words(refs, total=total)} ({by_priority}): no control keeps {'it' if total == 1 else 'them'} "
            "from coming back.",
            todo="Write a control, and prove it: red on the broken commit, green on the fix.",
            page=("incident", refs[0]) if refs else ("incident-list",),
            count=total,
        )
    ]


def control_risk(
    *,
    ref: str,
    title: str,
    state: ControlState,
    reason: str,
    component: str,
    incident: str,
    project_id: int,
    due_on: date | None = None,
) -> OpsRiskFinding:
    """A control that is broken, stale or ineffective, or one that was never proven by its day, `due_on`."""
    awaited = state in AWAITED
    word = "overdue" if awaited else state.value
    by = f"It was to be proven by {due_on}. " if awaited else ""
    return OpsRiskFinding(
        level=OpsRiskLevel.MEDIUM if awaited else FAILING[state],
        kind=f"control_{word}",
        component=component,
        title=f"{ref} is {word}: {title}",
        why=f"What it keeps from happening again ({incident}) may. {by}{reason}".strip(),
        todo="Prove it: red on the broken commit, green on the fix." if awaited else _TODO[state],
        page=("control", ref),
        project_id=project_id,
    )
