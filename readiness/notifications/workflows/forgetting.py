"""What was told is forgotten in time, as the events are."""

from datetime import datetime

from readiness.infra.actor import Actor
from readiness.infra.append_only import deletion_permit
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.notifications.store import deliveries, notices


@transactional(TransactionIntent.ATOMIC_WRITE)
def notices_forget(session: Session, *, before: datetime, actor: Actor) -> int:
    """Forget what was told before then, and what became of it, under a permit; how many notices."""
    old = deliveries.deliveries_before(before)
    old.filter(minute=None).delete()
    old.filter(minute__isnull=False, members=None).delete()
    rows = notices.notices_before(before)
    if not rows.exists():
        return 0  # no permit, and no line in the audit, for nothing
    table = "notifications_notice"
    with deletion_permit(session, table=table, actor=actor, reason="old notices", cutoff=before):
        return rows.delete()[0]
