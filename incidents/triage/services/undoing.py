"""Taking a move back: for ten minutes, and only where nothing was built on it. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from incidents.triage.services.revisions import UNDO_WITHIN
from readiness.infra.refusals import Conflict

UNDOABLE = frozenset({"acknowledged", "priority", "owner", "snoozed", "woken", "prevented", "closed", "reopened"})
_TIMES = frozenset(
    {"acknowledged_at", "diagnosed_at", "prevented_at", "closed_at", "snoozed_at", "snoozed_until", "update_from"}
)
_INSTEAD = {
    "acknowledged": "Drop it, or hand it over, instead.",
    "priority": "Set the priority anew instead.",
    "owner": "Hand it over instead.",
    "snoozed": "Wake it instead.",
    "woken": "Snooze it anew instead.",
    "prevented": "Reopen it with a reason instead.",
    "closed": "Reopen it with a reason instead.",
    "reopened": "Mark it prevented or closed instead.",
}


def fields_note(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they are written down with a move: times as text."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}


def undo_check(*, name: str, kind: str, at: datetime, undone: bool, now: datetime) -> None:
    """Raises Conflict for a move that cannot be undone, was undone, or is over ten minutes old: what to do instead."""
    if kind not in UNDOABLE:
        raise Conflict(f"Nothing was undone: what was done last in {name} stays, and can be corrected on its page.")
    if undone:
        raise Conflict(f"Nothing was undone: somebody has undone this in {name} already.")
    if now - at > UNDO_WITHIN:
        minutes = int(UNDO_WITHIN.total_seconds() // 60)
        raise Conflict(
            f"Nothing was undone: that is possible for {minutes} minutes, and these are over. {_INSTEAD[kind]}"
        )


def undo_fields(
    *, name: str, before: Mapping[str, Any], after: Mapping[str, Any], present: Mapping[str, Any]
) -> dict[str, Any]:
    """The fields that an undo gives back. Raises Conflict where one of them is no longer as the move left it: an event
    or a job came in between, and its word stands.
    """
    if any(present[field] != value for field, value in fields_note(after).items()):
        raise Conflict(f"Nothing was undone: {name} has gone on since by itself (see its timeline). Look at it again.")
    return {
        field: datetime.fromisoformat(value) if field in _TIMES and value is not None else value
        for field, value in before.items()
    }
