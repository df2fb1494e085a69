"""What outlives retention, retention by count, and the erasure of a person (GDPR, article 17).

First and recurrence events are copied when they happen, in the transaction that stores them: nothing has to be rescued
when a partition is dropped. The ledger of ids stays through an erasure, so that a retry brings nothing back.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings

from incidents.errors.services.captured import CapturedError
from incidents.errors.services.normalising import person_hash
from incidents.errors.store import keeping as store
from incidents.errors.workflows.storing import keys
from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.clock import utcnow
from readiness.infra.refusals import FieldError, Invalid
from readiness.infra.transactions import Session, TransactionIntent, transactional

BATCH = 500  # a permit names each row: the trigger compares every deletion with all of them
MOST_ERASED = 100_000
_TURN_S = 0.05  # between two batches: capture must not wait for a night's worth of them


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure took: stored events, kept copies, users' reports."""

    events: int
    copies: int
    reports: int


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


def person_erase(*, project_id: int, person: str, actor: Actor, reason: str) -> Erasure:
    """Erase what is stored of a person: events, kept copies and reports. `person`: the id, user name, e-mail or address
    that the SDK sent as the user. Raises Invalid.
    """
    if not person.strip():
        raise Invalid("Nobody is named; give the user's id or e-mail.", errors=[FieldError("/person", "Name one.")])
    user_hash = person_hash(person.strip(), keys().hash_key) or ""
    return _erase(
        lambda: erase_batch(project_id=project_id, user_hash=user_hash, error_ids=(), actor=actor, reason=reason),
        reason,
    )


def events_erase(*, project_id: int, error_ids: Sequence[str], actor: Actor, reason: str) -> Erasure:
    """Erase single events and their kept copies, whosever they are. Raises Invalid."""
    if not error_ids or len(error_ids) > BATCH:
        raise Invalid(f"Name 1 to {BATCH} events.", errors=[FieldError("/error_ids", "By error id.")])
    return _erase(
        lambda: erase_batch(project_id=project_id, user_hash="", error_ids=error_ids, actor=actor, reason=reason),
        reason,
    )


def _erase(batch: Callable[[], Erasure], reason: str) -> Erasure:
    if not reason.strip():
        raise Invalid("An erasure needs a reason; it is audited.", errors=[FieldError("/reason", "Say why.")])
    total = Erasure(0, 0, 0)
    while total.events < MOST_ERASED:
        one = batch()
        total = Erasure(total.events + one.events, total.copies + one.copies, total.reports + one.reports)
        if not (one.events or one.copies or one.reports):
            break
        time.sleep(_TURN_S)
    return total


@transactional(TransactionIntent.ATOMIC_WRITE)
def erase_batch(
    session: Session, *, project_id: int, user_hash: str, error_ids: Sequence[str], actor: Actor, reason: str
) -> Erasure:
    """Erase one batch: of a person (`user_hash`), or of the named events."""
    if user_hash:
        events = store.events_of_person(project_id=project_id, user_hash=user_hash, most=BATCH)
        copies = store.kept_of_person(project_id=project_id, user_hash=user_hash)[:BATCH]
        reports = store.reports_erase(project_id=project_id, user_hash=user_hash)
    else:
        events = store.events_named(project_id=project_id, error_ids=error_ids)
        copies = store.kept_named(project_id=project_id, error_ids=error_ids)
        reports = 0
    named = [(key.project_id, key.error_id) for key in events] + copies
    if not named:
        return Erasure(0, 0, reports)
    why = f"erasure: {reason}"
    store.tombstones_set(named, at=utcnow(), actor=str(actor), reason=reason)
    ids = [error_id for _, error_id in named]
    with (
        deletion_permit(session, table="infra_error_events", actor=actor, reason=why, row_ids=ids),
        deletion_permit(session, table="infra_error_kept", actor=actor, reason=why, row_ids=ids),
    ):
        return Erasure(events=store.events_remove(events), copies=store.kept_remove(copies), reports=reports)


@transactional(TransactionIntent.READ_ONLY)
def erasable_count(session: Session, *, project_id: int, person: str) -> int:
    """How many stored events `person_erase` would take, at most MOST_ERASED."""
    user_hash = person_hash(person.strip(), keys().hash_key) or ""
    return len(store.events_of_person(project_id=project_id, user_hash=user_hash, most=MOST_ERASED))
