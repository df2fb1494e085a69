"""The outbox: work that must happen after a commit is a row of that commit, delivered at least once (DESIGN).

A handler is named per topic in settings.READINESS_OUTBOX_HANDLERS and called as `handler(key=…, payload=…)`; it has to
be idempotent. A failure is tried again with growing pauses; after MAX_ATTEMPTS the message is dead and stays visible.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from readiness.infra.clock import utcnow
from readiness.infra.correlation import correlation_scope, current_traceparent
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import (
    IntentViolationError,
    Session,
    SingleConnectionTxn,
    TransactionIntent,
    transactional,
)

MAX_ATTEMPTS = 8
BATCH = 100


def outbox_publish(session: Session, *, topic: str, key: str, payload: dict[str, Any], project_id: int = 0) -> None:
    """Add a message to the transaction under way. Raises IntentViolationError in a READ_ONLY session."""
    if session.intent is TransactionIntent.READ_ONLY:
        raise IntentViolationError("outbox_publish needs a write transaction: the message is part of its commit.")
    now = utcnow()
    OutboxMessage.objects.create(
        project_id=project_id,
        topic=topic,
        key=key,
        payload=payload,
        traceparent=current_traceparent() or "",
        created_at=now,
        due_at=now,
    )


def outbox_pending(now: datetime) -> QuerySet[OutboxMessage]:
    """The undelivered that are due, oldest first (index infra_outbox_due)."""
    return OutboxMessage.objects.filter(delivered_at__isnull=True, dead_at__isnull=True, due_at__lte=now)


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_deliver_one(txn: SingleConnectionTxn, *, message_id: int) -> bool:
    """Deliver one message, its handler's writes and the mark in one transaction; False if another worker has it."""
    row = txn.lock_rows(OutboxMessage.objects.filter(pk=message_id, delivered_at=None), skip_locked=True).first()
    if row is None:
        return False
    handler = import_string(settings.READINESS_OUTBOX_HANDLERS[row.topic])
    with correlation_scope(f"outbox.{row.topic}", row.traceparent):
        handler(key=row.key, payload=row.payload)
    row.delivered_at = utcnow()
    row.attempts += 1
    row.save(update_fields=["delivered_at", "attempts"])
    return True


@transactional(TransactionIntent.LOCKED_MUTATION)
def outbox_mark_failed(txn: SingleConnectionTxn, *, message_id: int, error: str) -> bool:
    """Count a failed delivery and set the next try (2, 4, 8 … s); True when that was the last and it is dead now."""
    row = txn.lock_row(OutboxMessage, pk=message_id)
    now = utcnow()
    row.attempts += 1
    row.last_error = error[:500]
    row.due_at = now + timedelta(seconds=2**row.attempts)
    if row.attempts >= MAX_ATTEMPTS:
        row.dead_at = now
    row.save(update_fields=["attempts", "last_error", "due_at", "dead_at"])
    return row.dead_at is not None


def outbox_deliver() -> int:
    """Deliver what is due, at most BATCH messages; the number delivered. A failing one never holds up the others."""
    delivered = 0
    for message_id in list(outbox_pending(utcnow()).order_by("due_at").values_list("pk", flat=True)[:BATCH]):
        try:
            delivered += outbox_deliver_one(message_id=message_id)
        except Exception as failure:  # whatever a handler raises is this message's failure, not the delivery's
            outbox_mark_failed(message_id=message_id, error=f"{type(failure).__name__}: {failure}")
    return delivered
