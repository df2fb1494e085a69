"""What outlives retention, and retention by count.

First and recurrence events are copied when they happen, in the transaction that stores them: nothing has to be rescued
when a partition is dropped.
"""

import time
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings

from incidents.errors.services.captured import CapturedError
from incidents.errors.store import keeping as store
from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

BATCH = 500  # a permit names each row: the trigger compares every deletion with all of them
_TURN_S = 0.05  # between two batches: capture must not wait for a night's worth of them


@transactional(TransactionIntent.ATOMIC_WRITE)
def errors_keep(session: Session, *, copies: Sequence[tuple[CapturedError, int, str]]) -> None:
    """Keep a copy of each (error, incident number, `first` or `recurrence`) past retention."""
    stored = [copy for copy in copies if not copy[0].sampled]  # of a sampled one there is nothing to copy
    if stored:
        store.kept_insert(stored, at=utcnow())


def excess_forget(*, actor: Actor) -> int:
    """Forget what a group has beyond its newest events (READINESS_EVENTS_PER_INCIDENT, or the project's own); how many.

    0 keeps all. The rollups still count what went; the figures of incidents stay as they are.
    """
    own = group_limits_read()
    if not settings.READINESS_EVENTS_PER_INCIDENT and not any(own.values()):
        return 0
    gone, after = 0, (-1, "")
    while groups := groups_read(after=after):
        after = groups[-1]
        for project_id, fingerprint in groups:
            keep = own.get(project_id, settings.READINESS_EVENTS_PER_INCIDENT)
            while keep:
                forgotten = group_excess_forget(project_id=project_id, fingerprint=fingerprint, keep=keep, actor=actor)
                gone += forgotten
                if forgotten < BATCH:
                    break
                time.sleep(_TURN_S)
    return gone


@transactional(TransactionIntent.READ_ONLY)
def group_limits_read(session: Session) -> dict[int, int]:
    """project → how many events an incident keeps there, where the project says so itself."""
    return store.limits_by_project()


@transactional(TransactionIntent.READ_ONLY)
def groups_read(session: Session, *, after: tuple[int, str]) -> list[tuple[int, str]]:
    """The next (project, fingerprint) pairs in order, at most a page of them."""
    return store.groups_page(after)


@transactional(TransactionIntent.ATOMIC_WRITE)
def group_excess_forget(session: Session, *, project_id: int, fingerprint: str, keep: int, actor: Actor) -> int:
    """Forget one batch of a group's events beyond its newest `keep`; how many."""
    excess = store.group_excess(project_id=project_id, fingerprint=fingerprint, keep=keep, batch=BATCH)
    if not excess:
        return 0
    reason = f"retention of {keep} events an incident"
    with deletion_permit(
        session, table="infra_error_events", actor=actor, reason=reason, row_ids=[key.error_id for key in excess]
    ):
        return store.events_remove(excess)


def excess_count(*, since: datetime) -> int:
    """How many of the events that arrived since then `excess_forget` would take."""
    own = group_limits_read()
    if not settings.READINESS_EVENTS_PER_INCIDENT and not any(own.values()):
        return 0
    total, after = 0, (-1, "")
    while groups := groups_read(after=after):
        after = groups[-1]
        for project_id, fingerprint in groups:
            if keep := own.get(project_id, settings.READINESS_EVENTS_PER_INCIDENT):
                total += group_excess_read(project_id=project_id, fingerprint=fingerprint, keep=keep, since=since)
    return total


@transactional(TransactionIntent.READ_ONLY)
def group_excess_read(session: Session, *, project_id: int, fingerprint: str, keep: int, since: datetime) -> int:
    """How many of a group's events that arrived since then are beyond its newest `keep`."""
    return store.group_excess_count(project_id=project_id, fingerprint=fingerprint, keep=keep, since=since)
