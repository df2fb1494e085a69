"""Two workers that get the same delivery send it once."""

import threading

from readiness.notifications.models import Delivery
from readiness.notifications.tasks import deliver
from tests.notifications.conftest import a_channel, delivered_by_outbox, published
from tests.notifications.receivers import Hook


def test_two_workers_at_once_send_it_once(fresh_database: str, hook: Hook) -> None:
    """Not inside the test's own transaction: both commit."""
    a_channel("webhook", hook.url)
    published()
    delivered_by_outbox()
    pk = Delivery.objects.get().pk
    both = [threading.Thread(target=deliver, args=(pk,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(hook.requests) == 1
    assert Delivery.objects.get().attempts == 1
