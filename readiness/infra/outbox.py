"""The outbox: work that must happen after a commit is a row of that commit, delivered at least once (DESIGN).

A handler is named per topic in settings.READINESS_OUTBOX_HANDLERS and called as `handler(key=…, payload=…)`; it has to
be idempotent. A failure is tried again with growing pauses; after the last one the message is dead and stays visible.
A topic has its own pauses where settings.READINESS_OUTBOX_PAUSES names them.

What takes long (a call to somebody's server) must not happen in the delivery's transaction, where the row is locked:
such a handler only sees to it that a task does it, and answers HandedOver. The message stays undelivered until the task
says how it went, by outbox_settle, outbox_fail or outbox_postpone; if it says nothing within the lease, for it was
killed, the message is handed over again.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils.module_loading import import_string

from readiness.infra.clock import utcnow
from readiness.infra.correlation import correlation_scope, current_correlation_id, current_traceparent
from readiness.infra.metrics import delivery_observe
from readiness.infra.models import OutboxMessage
from readiness.infra.redaction import text_scrub
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import (
    IntentViolationError,
    Session,
    SingleConnectionTxn,
    TransactionIntent,
    transactional,
)

PAUSES = (2, 4, 8, 16, 32, 64, 128)  # seconds after each failure; one more failure is the last
JITTER = 0.1  # a pause is up to so much longer, so that what failed together is not tried together
BATCH = 100


@dataclass(frozen=True, slots=True)
class HandedOver:
    """A handler's answer: a task settles the message; if none has after `lease`, it is handed over again."""

    lease: timedelta


def outbox_publish(
    session: Session,
    *,
    topic: str,
    key: str,
    payload: dict[str, Any],
    project_id: int = 0,
    due_at: datetime | None = None,
) -> int:
    """Add a message to the transaction under way, due at once unless told otherwise; its number.

    Raises IntentViolationError in a READ_ONLY session.
    """
    if session.intent is TransactionIntent.READ_ONLY:
        raise IntentViolationError("outbox_publish needs a write transaction: the message is part of its commit.")
    now = utcnow()
    message = OutboxMessage.objects.create(
        project_id=project_id,
        topic=topic,
        key=key,
        payload=payload,
        traceparent=current_traceparent() or "",
        correlation_id=current_correlation_id(),
        created_at=now,
        due_at=due_at or now,
    )
    return message.pk


def outbox_attempts(topic: str) -> int:
    """How often a message of this topic is tried before it is dead."""
    return len(_pauses(topic)) + 1


def _pauses(topic: str) -> tuple[int, ...]:
    return settings.READINESS_OUTBOX_PAUSES.get(topic, PAUSES)


def _pause(topic: str, attempts: int) -> timedelta:
    """After so many attempts."""
    pauses = _pauses(topic)
    seconds = pauses[min(attempts, len(pauses)) - 1]
    return timedelta(seconds=seconds * (1 + JITTER * secrets.randbelow(1_000) / 1_000))


def outbox_pending(now: datetime) -> QuerySet[OutboxMessage]:
    """The undelivered that are due, oldest first (index infra_outbox_due)."""
    return OutboxMessage.objects.filter(delivered_at__isnull=True, dead_at__isnull=True, due_at__lte=now)


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_deliver_one(txn: SingleConnectionTxn, *, message_id: int) -> bool:
    """Deliver one message, its handler's writes and the mark in one transaction; False if another worker has it, or if
    it was handed over to a task.
    """
    due = OutboxMessage.objects.filter(pk=message_id, delivered_at=None, dead_at=None, due_at__lte=utcnow())
    row = txn.lock_rows(due, skip_locked=True).first()
    if row is None:
        return False
    if row.attempts >= outbox_attempts(row.topic):
        row.dead_at, row.last_error = utcnow(), f"Taken up {row.attempts} times, and never finished."
        row.save(update_fields=["dead_at", "last_error"])
        return False
    handler = import_string(settings.READINESS_OUTBOX_HANDLERS[row.topic])
    answer = handler(key=row.key, payload=row.payload)
    row.attempts += 1
    if isinstance(answer, HandedOver):
        row.due_at = utcnow() + answer.lease
    else:
        row.delivered_at = utcnow()
    row.save(update_fields=["delivered_at", "attempts", "due_at"])
    return row.delivered_at is not None


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_mark_failed(txn: SingleConnectionTxn, *, message_id: int, error: str) -> bool:
    """Count a failed delivery and set the next try; True when that was the last and it is dead now."""
    row = txn.lock_row(OutboxMessage, pk=message_id)
    row.attempts += 1
    return _failed(row, error)


def _failed(row: OutboxMessage, error: str, *, not_before: timedelta = timedelta(0), final: bool = False) -> bool:
    now = utcnow()
    row.last_error = error[:500]
    row.due_at = now + max(_pause(row.topic, row.attempts), not_before)
    if final or row.attempts >= outbox_attempts(row.topic):
        row.dead_at = now
    row.save(update_fields=["attempts", "last_error", "due_at", "dead_at"])
    return row.dead_at is not None


@transactional(TransactionIntent.ATOMIC_WRITE)
def outbox_settle(session: Session, *, message_id: int) -> None:
    """What was handed over is done, for good; also what had been dead, and was done after all."""
    rows = OutboxMessage.objects.filter(pk=message_id, delivered_at=None)
    if rows.update(delivered_at=utcnow(), dead_at=None):
        topic = OutboxMessage.objects.values_list("topic", flat=True).get(pk=message_id)
        delivery_observe(topic=topic, outcome="delivered")


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_fail(
    txn: SingleConnectionTxn,
    *,
    message_id: int,
    error: str,
    not_before: timedelta = timedelta(0),
    final: bool = False,
) -> datetime | None:
    """What was handed over failed; when it is tried again, None when that was the last try (`final`: whatever is left).

    The attempt was counted when it was handed over. A message that is settled, or gone, stays as it is.
    """
    row = txn.lock_rows(OutboxMessage.objects.filter(pk=message_id, delivered_at=None)).first()
    if row is None:
        return None
    dead = _failed(row, error, not_before=not_before, final=final)
    delivery_observe(topic=row.topic, outcome="dead" if dead else "failed")
    return None if dead else row.due_at


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_postpone(txn: SingleConnectionTxn, *, message_id: int, until: datetime) -> None:
    """What was handed over was not even tried: it is, later, and this time counts for nothing."""
    row = txn.lock_rows(OutboxMessage.objects.filter(pk=message_id, delivered_at=None)).first()
    if row is not None:
        row.due_at, row.attempts = until, max(row.attempts - 1, 0)
        row.save(update_fields=["due_at", "attempts"])


def outbox_deliver(*, on_failure: Callable[[str, Exception], object] | None = None) -> int:
    """Deliver what is due, at most BATCH messages; the number delivered. A failing one never holds up the others.

    `on_failure(topic, exception)` is told of each failure after its transaction has been undone. Both, the delivery and
    what is recorded of its failure, go on in the trace that published the message.
    """
    delivered = 0
    due = outbox_pending(utcnow()).order_by("due_at").values_list("pk", "topic", "traceparent", "project_id")
    for message_id, topic, traceparent, project_id in list(due[:BATCH]):
        with correlation_scope(f"outbox.{topic}", traceparent, tenant=_tenant_of(project_id)):
            delivered += _deliver_or_mark(message_id, topic, on_failure)
    return delivered


def _deliver_or_mark(message_id: int, topic: str, on_failure: Callable[[str, Exception], object] | None) -> bool:
    try:
        delivered = outbox_deliver_one(message_id=message_id)
    except Exception as failure:  # noqa: BLE001  whatever a handler raises is this message's failure, not the delivery's
        error = text_scrub(f"{type(failure).__name__}: {failure}")
        dead = outbox_mark_failed(message_id=message_id, error=error)
        delivery_observe(topic=topic, outcome="dead" if dead else "failed")
        if on_failure is not None:
            on_failure(topic, failure)
        return False
    if delivered:
        delivery_observe(topic=topic, outcome="delivered")
    return delivered


def _tenant_of(project_id: int) -> str | None:
    """Whose message it is, for the log lines of its delivery; the installation's own are nobody's."""
    if not project_id:
        return None
    find: Callable[..., str | None] = import_string(settings.READINESS_TENANT_OF_PROJECT)
    return find(project_id=project_id)


def outbox_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[OutboxMessage]:
    """What was published under a correlation id, the earliest first; of one project unless `project_id` is None."""
    rows = OutboxMessage.objects.defer("payload").filter(correlation_id=correlation_id).order_by("created_at", "pk")
    return rows if project_id is None else rows.filter(project_id=project_id)


def outbox_undelivered() -> QuerySet[OutboxMessage]:
    """The dead ones first, then those that wait, the longest due first."""
    rows = OutboxMessage.objects.filter(delivered_at__isnull=True).defer("payload")
    return rows.order_by(F("dead_at").asc(nulls_last=True), "due_at", "pk")


def outbox_dead(*, topic: str, limit: int) -> dict[int, str]:
    """The newest dead messages of a topic: their numbers, and why each was given up (index infra_outbox_dead)."""
    rows = OutboxMessage.objects.filter(dead_at__isnull=False, topic=topic).order_by("-dead_at")
    return dict(rows.values_list("pk", "last_error")[:limit])


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_retry(txn: SingleConnectionTxn, *, message_id: int) -> str:
    """Make an undelivered message due now, with all its attempts before it; its topic. Raises NotFound, Conflict."""
    row = txn.lock_rows(OutboxMessage.objects.filter(pk=message_id)).first()
    if row is None:
        raise NotFound("There is no such message in the outbox; it may have been delivered and forgotten since.")
    if row.delivered_at is not None:
        raise Conflict("This message has been delivered already; there is nothing left to try.")
    row.attempts, row.dead_at, row.due_at = 0, None, utcnow()
    row.save(update_fields=["attempts", "dead_at", "due_at"])
    return row.topic


@transactional(TransactionIntent.ATOMIC_WRITE)
def outbox_forget(session: Session, *, before: datetime) -> int:
    """Forget messages that were delivered before then; how many. The undelivered stay, the dead ones too."""
    return OutboxMessage.objects.filter(delivered_at__lt=before).delete()[0]
