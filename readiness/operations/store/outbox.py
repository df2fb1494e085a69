"""Queries of operations: the outbox, as the page shows it."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Min, Q

from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_undelivered


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """`oldest_due_at`: since when the longest waiting message has been due."""

    pending: int
    dead: int
    oldest_due_at: datetime | None


def outbox_counts(*, now: datetime) -> OutboxCounts:
    """How much the outbox holds that is not delivered."""
    alive = Q(dead_at__isnull=True)
    counts = OutboxMessage.objects.filter(delivered_at__isnull=True).aggregate(
        pending=Count("pk", filter=alive),
        dead=Count("pk", filter=~alive),
        oldest=Min("due_at", filter=alive & Q(due_at__lte=now)),
    )
    return OutboxCounts(counts["pending"], counts["dead"], counts["oldest"])


def outbox_listed(*, limit: int) -> list[OutboxMessage]:
    """The undelivered, the dead first; their payloads, which may hold anything, stay where they are."""
    return list(outbox_undelivered()[:limit])
