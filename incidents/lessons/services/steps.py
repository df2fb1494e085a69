"""The life of an incident as five steps, for the line above its page (detected → … → closed)."""

from dataclasses import dataclass
from datetime import datetime

_FIRM = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True, slots=True)
class Step:
    """`state`: done, current, todo or fail."""

    name: str
    note: str
    state: str


def incident_steps(
    *,
    status: str,
    detected_at: datetime,
    acknowledged_at: datetime | None,
    owner: str,
    diagnosed_at: datetime | None,
    prevented_at: datetime | None,
    closed_at: datetime | None,
    recurrences: int,
    has_controls: bool,
    may_close: bool,
    now: datetime,
) -> tuple[Step, ...]:
    """Five steps; the first that is not done is the current one. A recurrence starts the line anew."""
    first = "Detected" if not recurrences else f"Back again ({recurrences})"
    who = f"{owner}, " if owner else ""
    ready = "ready to be marked" if may_close else ("not proven yet" if has_controls else "no control yet")
    notes = (
        (first, _time(detected_at, now), True),
        (
            "Acknowledged",
            f"{who}{_time(acknowledged_at, now)}" if acknowledged_at else "nobody yet",
            bool(acknowledged_at),
        ),
        ("Diagnosis", _time(diagnosed_at, now) if diagnosed_at else "root cause not written", bool(diagnosed_at)),
        ("Prevention", _time(prevented_at, now) if prevented_at else ready, bool(prevented_at)),
        (
            "Closed",
            _time(closed_at, now) if closed_at else ("" if may_close else "refused until proven"),
            bool(closed_at),
        ),
    )
    current = next((name for name, _, done in notes if not done), "")
    steps = []
    for name, note, done in notes:
        state = "done" if done else ("current" if name == current else "todo")
        if done and name == first and status == "recurred":
            state = "fail"
        steps.append(Step(name, note, state))
    return tuple(steps)


def _time(moment: datetime | None, now: datetime) -> str:
    """The time of day (UTC) today, else the day; it never breaks between lines."""
    if moment is None:
        return ""
    if moment.date() == now.date():
        return f"{moment:%H:%M}{_FIRM}UTC"
    return f"{moment.day}{_FIRM}{moment:%b}" + (f"{_FIRM}{moment.year}" if moment.year != now.year else "")
