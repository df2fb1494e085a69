"""What others may ask of the incident memory."""

from incidents.errors.models import ErrorColumns
from incidents.errors.store import questions as store
from readiness.infra.transactions import Session, TransactionIntent, transactional


@transactional(TransactionIntent.READ_ONLY)
def error_find(session: Session, *, project_id: int, error_id: str) -> ErrorColumns | None:
    """One stored error by its id."""
    return store.event_find(project_id=project_id, error_id=error_id)
