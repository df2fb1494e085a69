"""The outbox: work that must happen after a commit is a row of that commit, delivered at least once (DESIGN).

A handler is named per topic in settings.READINESS_OUTBOX_HANDLERS and called as `handler(key=…, payload=…)`; it has to
be idempotent. A failure is tried again with growing pauses; after MAX_ATTEMPTS the message is dead and stays visible.
"""

from collections.abc import Callable
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
        correlation_id=current_correlation_id(),
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
