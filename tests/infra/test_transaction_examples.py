"""The golden examples do what they say."""

from datetime import UTC, datetime, timedelta

import pytest

from readiness.infra.clock import utcnow
from readiness.infra.models import IdempotentAnswer, OutboxMessage
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transaction_examples import (
    EXAMPLE_TOPIC,
    example_answer_keep,
    example_caller,
    example_caller_of_two,
    example_message_postpone,
    example_messages_waiting,
)
from readiness.infra.transactions import atomic_write

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def a_message(*, delivered_at: datetime | None = None) -> OutboxMessage:
    with atomic_write():
        return OutboxMessage.objects.create(
            topic=EXAMPLE_TOPIC, key="k", created_at=NOON, due_at=NOON, delivered_at=delivered_at
        )


@pytest.mark.django_db
def test_it_reads() -> None:
    a_message()
    a_message(delivered_at=NOON)
    assert example_messages_waiting(topic=EXAMPLE_TOPIC) == 1


@pytest.mark.django_db
def test_it_writes_the_row_and_its_message_in_one_commit() -> None:
    assert example_answer_keep(project_id=1, key="first", at=NOON)
    assert OutboxMessage.objects.get().key == "first"


@pytest.mark.django_db
def test_it_lets_the_constraint_decide_who_was_first() -> None:
    assert example_answer_keep(project_id=1, key="first", at=NOON)
    assert not example_answer_keep(project_id=1, key="first", at=NOON)
    assert IdempotentAnswer.objects.count() == 1
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db
def test_it_locks_decides_and_saves() -> None:
    message = a_message()
    assert example_message_postpone(message_id=message.pk, by=timedelta(hours=1)) == NOON + timedelta(hours=1)
    message.refresh_from_db()
    assert message.due_at == NOON + timedelta(hours=1)
    assert example_caller(message_id=message.pk) == NOON + timedelta(hours=1, minutes=5)


@pytest.mark.django_db
def test_it_refuses_what_the_rule_refuses() -> None:
    delivered = a_message(delivered_at=NOON)
    with pytest.raises(Conflict, match="delivered already"):
        example_message_postpone(message_id=delivered.pk, by=timedelta(hours=1))
    with pytest.raises(NotFound):
        example_message_postpone(message_id=delivered.pk + 1, by=timedelta(hours=1))


def test_it_does_all_or_nothing(fresh_database: str) -> None:
    waiting, delivered = a_message(), a_message(delivered_at=utcnow())
    with pytest.raises(Conflict):
        example_caller_of_two(message_ids=(waiting.pk, delivered.pk), by=timedelta(hours=1))
    waiting.refresh_from_db()
    assert waiting.due_at == NOON
    other = a_message()
    later = NOON + timedelta(hours=1)
    assert example_caller_of_two(message_ids=(waiting.pk, other.pk), by=timedelta(hours=1)) == [later, later]
