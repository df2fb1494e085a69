"""A notice that has been published is kept, once."""

from collections.abc import Mapping
from typing import Any

from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.notifications import store


@transactional(TransactionIntent.ATOMIC_WRITE)
def notice_receive(session: Session, *, key: str, payload: Mapping[str, Any]) -> bool:
    """Keep a published notice; False when the same thing has been told before."""
    fields = {name: payload[name] for name in ("kind", "title", "text", "priority", "page", "facts")}
    _, new = store.notice_add(project_id=payload["project_id"], key=key, at=utcnow(), fields=fields)
    return new
