"""What an incident's page asks of capture beside the event itself: whom it met, what is missing, which code it is."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from incidents.errors.services.drop_figures import DropWords, drop_words
from incidents.errors.services.normalising import payload_decompress
from incidents.errors.services.own_frames import own_frames
from incidents.errors.services.people import PeopleHit, people_count
from incidents.errors.store import drops as drops_store
from incidents.errors.store import people as people_store
from incidents.errors.store.keeping import kept_payloads
from incidents.errors.store.questions import ProjectHas, project_has
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

WIDEST_WINDOW = timedelta(hours=48)


@transactional(TransactionIntent.READ_ONLY)
def people_hit_read(
    session: Session, *, project_id: int, fingerprints: Sequence[str], first_seen: datetime, last_seen: datetime
) -> PeopleHit:
    """How many different people and tenants the newest events of these groups met. One bounded query."""
    rows = people_store.people_of_groups(
        project_id=project_id, fingerprints=fingerprints, first_seen=first_seen, last_seen=last_seen, now=utcnow()
    )
    return people_count(rows)


@transactional(TransactionIntent.READ_ONLY)
def window_drops_read(
    session: Session, *, project_id: int, first_seen: datetime, last_seen: datetime
) -> list[DropWords]:
    """What the project's keys lost while an incident was seen, in its last WIDEST_WINDOW at the most. One query."""
    since = max(first_seen, last_seen - WIDEST_WINDOW)
    rows = drops_store.drops_in_window(project_id=project_id, since=since, until=last_seen)
    return [drop_words(source=row.source, reason=row.reason, quantity=row.quantity) for row in rows]


@transactional(TransactionIntent.READ_ONLY)
def project_has_read(session: Session, *, project_id: int) -> ProjectHas:
    """What the project has any of. One query."""
    return project_has(project_id=project_id)


@transactional(TransactionIntent.READ_ONLY)
def kept_frames_read(session: Session, *, project_id: int, error_ids: Collection[str]) -> Mapping[str, frozenset[str]]:
    """error id → the in-app frames of the copy that was kept of it. One query."""
    payloads = kept_payloads(project_id=project_id, error_ids=error_ids)
    return {error_id: own_frames(payload_decompress(payload)) for error_id, payload in payloads.items() if payload}
