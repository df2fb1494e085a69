"""Golden examples (requirement 187): how a use-case is written and called. Copy these; tests/infra runs them.

They stand on the floor's own tables, the outbox and its idempotent answers. In a subject, the queries would be named
functions of its store.py.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError

from readiness.infra.models import IdempotentAnswer, OutboxMessage
from readiness.infra.outbox import outbox_publish
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import (
    Session,
    SingleConnectionTxn,
    TransactionIntent,
    savepoint,
    transactional,
)

EXAMPLE_TOPIC = "example.happened"


# --- READ_ONLY: plain reads; the guard refuses a write or a row lock inside it ---------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def example_messages_waiting(session: Session, *, topic: str) -> int:
    """How many messages of a topic are undelivered."""
    return OutboxMessage.objects.filter(topic=topic, delivered_at__isnull=True, dead_at__isnull=True).count()


# --- ATOMIC_WRITE: one transaction; all of it is committed, or nothing -----------------------------------------------


@transactional(TransactionIntent.ATOMIC_WRITE)
def example_answer_keep(session: Session, *, project_id: int, key: str, at: datetime) -> bool:
    """Keep an answer once; False if it is kept already. What follows from it is a message of the same commit.

    A constraint decides who was first, not a look beforehand: the savepoint lets the insert fail by itself.
    """
    try:
        with savepoint():
            IdempotentAnswer.objects.create(
                project_id=project_id, scope="example", key=key, body_hash="", status=201, answer={}, created_at=at
            )
    except IntegrityError:
        return False
    outbox_publish(session, topic=EXAMPLE_TOPIC, key=key, payload={"kept": True}, project_id=project_id)
    return True


# --- LOCKED_MUTATION: lock the row, ask a pure service, save; in one transaction on one connection -------------------


@dataclass(frozen=True)
class Postponement:
    """A service's answer: when the message is due now."""

    due_at: datetime


def example_message_postpone_decide(*, due_at: datetime, delivered: bool, by: timedelta) -> Postponement:
    """A pure service: values in, a dataclass out, a Refusal where the rule says no. Raises Conflict."""
    if delivered:
        raise Conflict("This message was delivered already; there is nothing left to postpone.")
    return Postponement(due_at + by)


@transactional(TransactionIntent.LOCKED_MUTATION)
def example_message_postpone(txn: SingleConnectionTxn, *, message_id: int, by: timedelta) -> datetime:
    """Let a message wait longer; when it is due now. Raises NotFound, Conflict.

    The lock comes before the read that is decided on: two callers postpone twice, not once.
    """
    try:
        message = txn.lock_row(OutboxMessage, pk=message_id)
    except OutboxMessage.DoesNotExist:
        raise NotFound("There is no such message; it may have been delivered and removed.") from None
    decided = example_message_postpone_decide(due_at=message.due_at, delivered=message.delivered_at is not None, by=by)
    message.due_at = decided.due_at
    message.save(update_fields=["due_at"])
    return message.due_at


# --- callers: a view, a task or a command leaves the first parameter out ---------------------------------------------


def example_caller(*, message_id: int) -> datetime:
    """Each call is its own transaction; the decorator opens it and hands it in."""
    return example_message_postpone(message_id=message_id, by=timedelta(minutes=5))


@transactional(TransactionIntent.LOCKED_MUTATION)
def example_caller_of_two(txn: SingleConnectionTxn, *, message_ids: tuple[int, ...], by: timedelta) -> list[datetime]:
    """Use-cases that belong together are called inside one, and join its transaction: all postponed, or none."""
    return [example_message_postpone(message_id=message_id, by=by) for message_id in sorted(message_ids)]
