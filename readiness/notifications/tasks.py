"""Work of notifications that follows a commit: routing in the delivery itself, sending in a task."""

from typing import Any

from celery import current_app, shared_task

from readiness.infra.outbox import HandedOver
from readiness.notifications.workflows import LEASE, delivery_send, notice_receive


def notice_route(*, key: str, payload: dict[str, Any]) -> None:
    """Handler of the outbox topic `notice`: kept once, and handed on to those whom the rules name."""
    notice_receive(key=key, payload=payload)


def delivery_hand_over(*, key: str, payload: dict[str, Any]) -> HandedOver:
    """Handler of the outbox topic `notice.deliver`: a task calls the receiver, with no row locked and nothing open.

    Raises kombu's OperationalError when the broker is away; the outbox then tries again, so this does not.
    """
    current_app.send_task("notifications.deliver", args=[payload["delivery_id"]], retry=False)
    return HandedOver(LEASE)


@shared_task(name="notifications.deliver", soft_time_limit=60, time_limit=90)
def deliver(delivery_id: int) -> None:
    """One attempt."""
    delivery_send(delivery_id=delivery_id)
