"""The self-defending record of a control as four steps (requirement 173): incident → symptom fix → prevention primitive
→ CI check, as in the record that the requirement quotes: a lock across connections, its fix, its primitive, its check.
"""

from incidents.lessons.services.control_state import ControlState
from incidents.lessons.services.steps import Step

LONGEST_NOTE = 90
_UNSAID = "not said yet"
_HELD = {ControlState.PROVEN: "done", ControlState.BROKEN: "fail", ControlState.INEFFECTIVE: "fail"}


def control_record_steps(
    *,
    incident: str,
    root_cause: str,
    symptom_fix: str,
    prevention_primitive: str,
    evolution: str,
    state: ControlState,
) -> tuple[Step, ...]:
    """Four steps; each is done once it is said, the last once it is proven. `evolution` is in words, or empty."""
    primitive = _note(prevention_primitive) if prevention_primitive else _UNSAID
    check = state.replace("_", " ") if not evolution else f"{evolution.lower()}, {state.replace('_', ' ')}"
    parts = (
        (incident, _note(root_cause) if root_cause else "root cause not written", _done(root_cause)),
        ("Symptom fix", _note(symptom_fix) if symptom_fix else _UNSAID, _done(symptom_fix)),
        ("Prevention primitive", primitive, _done(prevention_primitive)),
        ("CI check", check, _HELD.get(state, "todo")),
    )
    current = next((name for name, _, how in parts if how == "todo"), "")
    return tuple(Step(name, note, "current" if name == current else how) for name, note, how in parts)


def _done(text: str) -> str:
    return "done" if text else "todo"


def _note(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_NOTE else f"{line[: LONGEST_NOTE - 1]}…"
