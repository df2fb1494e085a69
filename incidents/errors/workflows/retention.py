"""Daily partitions made ahead, and forgetting: the only way out of the incident memory (117, 124)."""

import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.errors.store import retention as store
from incidents.errors.workflows.keeping import excess_count, excess_forget
from incidents.errors.workflows.notices import drops_forget
from incidents.errors.workflows.reports import reports_forget
from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

PARTITIONS_AHEAD = 7
_TURN_S = 0.05  # between two batches of retention: whoever waits for the database's one writer gets a turn


@transactional(TransactionIntent.ATOMIC_WRITE)
def partitions_ensure(session: Session) -> list[str]:
    """Daily partitions for today and the week ahead (PostgreSQL); the names of those made."""
    return store.partitions_make(first=utcnow().date(), days=PARTITIONS_AHEAD + 1)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What retention took, or would take: errors past their days, and younger ones beyond what an incident keeps."""

    by_age: int
    by_count: int

    @property
    def total(self) -> int:
        return self.by_age + self.by_count


def cleanup_old_errors(*, retention_days: int, actor: Actor, reason: str = "retention") -> Forgotten:
    """Forget the errors that arrived more than `retention_days` ago, and what incidents have beyond the number that
    they keep (117, 124). Raises ValueError.

    The only way out of the table: under audited permits. Whole days go as partitions on PostgreSQL; the rest goes in
    batches with a transaction each, for capture must not wait for a night's worth of them. Incidents, their counts and
    timelines stay: they are the lesson, not the evidence. What users said, how jobs ran, what was refused or only
    counted, and notices of limits go by the same age. What a broken run leaves, the next one takes.
    """
    cutoff = _cutoff(retention_days)
    gone = old_partitions_drop(cutoff=cutoff, actor=actor, reason=reason)
    while deleted := old_events_delete(cutoff=cutoff, actor=actor, reason=reason):
        gone += deleted
        time.sleep(_TURN_S)
    while old_ids_delete(cutoff=cutoff):
        time.sleep(_TURN_S)
    old_rollups_delete(cutoff=cutoff)
    reports_forget(before=cutoff)
    drops_forget(before=cutoff)
    return Forgotten(by_age=gone, by_count=excess_forget(actor=actor))


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_partitions_drop(session: Session, *, cutoff: datetime, actor: Actor, reason: str) -> int:
    """Drop the partitions of whole days before the cutoff; the number of events that went with them."""
    if not store.partitions_before(cutoff.date()):
        return 0  # no permit, and no line in the audit, for nothing
    with deletion_permit(session, table="infra_error_events", actor=actor, reason=reason, cutoff=cutoff):
        return store.partitions_drop(before=cutoff.date())


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_events_delete(session: Session, *, cutoff: datetime, actor: Actor, reason: str) -> int:
    """Delete one batch of events older than the cutoff; how many."""
    if not store.events_exist_before(cutoff):
        return 0
    with deletion_permit(session, table="infra_error_events", actor=actor, reason=reason, cutoff=cutoff):
        return store.events_delete_before(cutoff=cutoff)


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_ids_delete(session: Session, *, cutoff: datetime) -> int:
    """Forget one batch of the ids of days that retention has taken; how many."""
    return store.ledger_forget(before=cutoff.date())


@transactional(TransactionIntent.ATOMIC_WRITE)
def old_rollups_delete(session: Session, *, cutoff: datetime) -> int:
    """Forget the rollups of hours that retention has taken; how many."""
    return store.rollups_forget(before=cutoff)


def cleanup_preview(*, retention_days: int) -> Forgotten:
    """What `cleanup_old_errors` would forget now. Raises ValueError as it does."""
    cutoff = _cutoff(retention_days)
    return Forgotten(by_age=old_errors_count(cutoff=cutoff), by_count=excess_count(since=cutoff))


@transactional(TransactionIntent.READ_ONLY)
def old_errors_count(session: Session, *, cutoff: datetime) -> int:
    """How many errors are older than the cutoff."""
    return store.events_count_before(cutoff=cutoff)


def _cutoff(retention_days: int) -> datetime:
    if retention_days < 1:
        raise ValueError(f"retention_days: {retention_days} is under one day; nothing was removed.")
    return _midnight(utcnow()) - timedelta(days=retention_days)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
