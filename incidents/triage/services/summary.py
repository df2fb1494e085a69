"""The daily summary (requirement 347): what is open, what is late, what changed in 24 hours. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from incidents.triage.services.response import acknowledge_overdue, response_of

# Told from this hour of the UTC day on: a morning in Europe, and late enough for the night's jobs to have run.
SUMMARY_HOUR = 6
_CHANGES: Mapping[str, str] = {
    "detected": "new",
    "recurred": "came back",
    "acknowledged": "taken",
    "root-cause": "with a root cause written",
    "prevented": "prevented",
    "closed": "closed",
    "reopened": "reopened",
}
CHANGE_KINDS = tuple(_CHANGES)


@dataclass(frozen=True, slots=True)
class SummaryLine:
    """One grave incident that is open."""

    name: str
    title: str
    priority: str
    status: str
    owner: str
    detected_at: datetime
    acknowledged_at: datetime | None


def summary_day(now: datetime) -> date | None:
    """The UTC day whose summary is due now; None before its hour."""
    return now.date() if now.hour >= SUMMARY_HOUR else None


def summary_window(now: datetime) -> datetime:
    """Since when changes are told."""
    return now - timedelta(hours=24)


def summary_title(*, counts: Mapping[str, int]) -> str:
    """`4 incidents open: 1 P0, 3 P2`."""
    total = sum(counts.values())
    if not total:
        return "No incident is open"
    parts = ", ".join(f"{number} {priority}" for priority, number in sorted(counts.items()) if number)
    return f"{total} incident{'' if total == 1 else 's'} open: {parts}"


def summary_text(
    *, day: date, counts: Mapping[str, int], changes: Mapping[str, int], grave: Sequence[SummaryLine], now: datetime
) -> str:
    """Plain text: open incidents by priority, what changed, and each grave one with what it waits for."""
    lines = [f"Incidents on {day}, as of {now:%H:%M} UTC.", "", f"{summary_title(counts=counts)}."]
    changed = [f"{changes[kind]} {words}" for kind, words in _CHANGES.items() if changes.get(kind)]
    lines.append(f"In the last 24 hours: {', '.join(changed)}." if changed else "Nothing changed in the last 24 hours.")
    if grave:
        lines.append("")
    for one in grave:
        owner = one.owner or "nobody has taken it"
        late = acknowledge_overdue(
            priority=one.priority, status=one.status, detected_at=one.detected_at,
            acknowledged_at=one.acknowledged_at, now=now,
        )  # fmt: skip
        lines.append(
            f"{one.priority} {one.name} {one.title[:120]} ({one.status}, {owner}"
            f"{', overdue' if late else ''}). {response_of(one.priority).says}"
        )
    return "\n".join(lines)
