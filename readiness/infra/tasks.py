"""Tasks of the floor: the heartbeat that proves that tasks are consumed."""

from celery import shared_task
from django.conf import settings

from readiness.infra.broker import redis_client
from readiness.infra.clock import utcnow
from readiness.infra.heartbeat import consumed_record


@shared_task(name="infra.heartbeat")
def heartbeat() -> None:
    """Sent by beat every ten seconds, and once by a worker that has become ready."""
    consumed_record(redis_client(settings.REDIS_URL), at=utcnow())
