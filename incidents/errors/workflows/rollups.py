"""The reconciliation of rollups with the events that they count (235)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from incidents.errors.services.rollups import RollupCounts, RollupKey
from incidents.errors.store import reconciling as store
from readiness.infra.transactions import Session, TransactionIntent, transactional


@transactional(TransactionIntent.READ_ONLY)
def rollups_compare(session: Session, *, since: datetime, until: datetime) -> RollupCounts:
    """Both sides of the reconciliation over whole hours (235): what the events say, and what the rollups say."""
    return RollupCounts(
        events=store.hourly_counts_of_events(since=since, until=until),
        rollups=store.hourly_counts_of_rollups(since=since, until=until),
    )


@transactional(TransactionIntent.ATOMIC_WRITE)
def rollups_repair(session: Session, *, keys: Collection[RollupKey]) -> int:
    """Set these rollups to what the events say, counted again here; how many were wrong. Hours must be closed."""
    wrong = 0
    for hour in sorted({key[0] for key in keys}):
        counts = rollups_compare(since=hour, until=hour + timedelta(hours=1))
        for key in keys:
            if key[0] == hour and counts.events.get(key, 0) != counts.rollups.get(key, 0):
                store.rollup_set(key=key, events=counts.events.get(key, 0))
                wrong += 1
    return wrong


@transactional(TransactionIntent.READ_ONLY)
def rollups_earliest(session: Session) -> datetime | None:
    """The first hour that events or rollups know of; None while there are none."""
    return store.earliest_hour()
