"""What others may ask of the incident memory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from incidents.errors.models import ErrorColumns, KeptError
from incidents.errors.store import questions as store
from readiness.infra.clock import utcnow
from readiness.infra.remembered import CLOSED_DAYS_LAST_S, Remembered, days_counted
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.infra.trend import days_until

_DAYS: Remembered[dict[date, int]] = Remembered(most=4, seconds=CLOSED_DAYS_LAST_S)


@transactional(TransactionIntent.READ_ONLY)
def error_find(session: Session, *, project_id: int, error_id: str) -> ErrorColumns | None:
    """One stored error by its id."""
    return store.event_find(project_id=project_id, error_id=error_id)


@dataclass(frozen=True, slots=True)
class EventShown:
    """What there is to show of an incident. `copy_of`: it is a copy that outlived the event itself, of the incident's
    `first` or of a `recurrence`; empty otherwise. `newest`: it is the last that happened; else the last that is left.
    """

    event: ErrorColumns | None
    copy_of: str = ""
    newest: bool = True


@transactional(TransactionIntent.READ_ONLY)
def event_to_show(session: Session, *, project_id: int, error_id: str, fingerprints: Sequence[str]) -> EventShown:
    """The incident's newest event (`error_id`); once that is gone, the newest that is left of its groups, or the newest
    copy that was kept of them.
    """
    event = store.event_find(project_id=project_id, error_id=error_id)
    if event is None:
        event = store.event_left(project_id=project_id, fingerprints=fingerprints)
    copy_of = event.reason if isinstance(event, KeptError) else ""
    return EventShown(event, copy_of, newest=event is not None and event.error_id == error_id)


@transactional(TransactionIntent.READ_ONLY)
def stored_ids_read(session: Session, *, project_id: int, error_ids: Sequence[str]) -> set[str]:
    """Those of the ids under which the project has an error still, or a copy of it. Three queries."""
    return store.ids_stored(project_id=project_id, error_ids=error_ids) if error_ids else set()


@transactional(TransactionIntent.READ_ONLY)
def errors_per_day(session: Session, *, days: int) -> list[int]:
    """Events of real tenants on each of the last `days` (at most 92) UTC days, oldest first, today last. One query, of
    two days most often (readiness.infra.remembered).
    """
    dates = days_until(utcnow().date(), days=days)
    return days_counted(kept=_DAYS, dates=dates, count=_errors_since)


def _errors_since(day: date) -> dict[date, int]:
    until = utcnow().date() + timedelta(days=1)
    return store.errors_daily(since=_midnight(day), until=_midnight(until))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
