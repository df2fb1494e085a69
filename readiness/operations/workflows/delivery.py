"""The outbox as people see it: what waits, what is dead, and trying it again."""

from dataclasses import dataclass

import structlog

from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_retry
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.operations import store

log = structlog.get_logger("operations")
LISTED = 50


@dataclass(frozen=True, slots=True)
class OutboxView:
    """The undelivered: how many, and the first of them, the dead ones on top."""

    counts: store.OutboxCounts
    messages: list[OutboxMessage]

    @property
    def left_off(self) -> int:
        return self.counts.pending + self.counts.dead - len(self.messages)


@transactional(TransactionIntent.READ_ONLY)
def outbox_read(session: Session) -> OutboxView:
    """What the outbox holds that is not delivered."""
    return OutboxView(store.outbox_counts(now=utcnow()), store.outbox_listed(limit=LISTED))


@transactional(TransactionIntent.LOCKED_MUTATION)
def message_retry(txn: SingleConnectionTxn, *, message_id: int, actor: Actor) -> str:
    """Try an undelivered message again, with all its attempts before it; its topic. Raises NotFound, Conflict."""
    topic = outbox_retry(message_id=message_id)
    log.info("outbox message is tried again", message_id=message_id, topic=topic, by=actor.name)
    return topic
