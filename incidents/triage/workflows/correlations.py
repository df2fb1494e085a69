"""What happened together: every source that settings.READINESS_CORRELATION_READERS names, put in order."""

from typing import Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from incidents.errors.store.correlated import correlations_recent
from incidents.triage.services.correlations import (
    CorrelationSlice,
    OpsCorrelatedEvent,
    OpsCorrelation,
    correlation_assemble,
    correlation_id_read,
)
from incidents.triage.workflows.correlated import error_severity, error_title
from readiness.infra.refusals import FieldError, Invalid, NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

PAGE = 100
PAGES = 20  # further on, a list of errors by their correlation id is the better tool (the admin has it)
LOOKED_AT = 200
RECENT = 12


class CorrelationReader(Protocol):
    """One source. At most `limit` rows of it, the earliest; of one project unless `project_id` is None."""

    def __call__(self, *, correlation_id: str, project_id: int | None, limit: int) -> CorrelationSlice: ...


@transactional(TransactionIntent.READ_ONLY)
def correlation_read(session: Session, *, asked: str, project_id: int | None = None, page: int = 1) -> OpsCorrelation:
    """What is stored under a correlation id, as far as its first `page` pages need it; of one project unless
    `project_id` is None. A fixed number of queries.

    Raises Invalid (`asked` holds no id, or there is no such page) and NotFound.
    """
    if not 1 <= page <= PAGES:
        raise Invalid(
            f"page must be a whole number from 1 to {PAGES}.", errors=[FieldError("/page", f"{page} is not.")]
        )
    correlation_id = correlation_id_read(asked)
    readers: list[CorrelationReader] = [import_string(dotted) for dotted in settings.READINESS_CORRELATION_READERS]
    slices = [reader(correlation_id=correlation_id, project_id=project_id, limit=page * PAGE + 1) for reader in readers]
    story = correlation_assemble(correlation_id=correlation_id, slices=slices)
    if story is None:
        raise NotFound(
            f"Nothing is stored under the correlation id {correlation_id}. Compare it with the header X-Correlation-Id "
            "of the answer, the rid of the log line or the trace id of the SDK; errors are kept for "
            f"{settings.READINESS_RETENTION_DAYS} days, and a request that did nothing worth keeping leaves nothing."
        )
    return story


@transactional(TransactionIntent.READ_ONLY)
def correlations_recent_read(session: Session) -> list[OpsCorrelatedEvent]:
    """The newest error of each correlation among the last LOOKED_AT errors, under the correlation's id. One query."""
    newest: dict[str, OpsCorrelatedEvent] = {}
    for row in correlations_recent(looked_at=LOOKED_AT):
        correlation_id = row.correlation_id or ""
        if correlation_id not in newest and len(newest) < RECENT:
            newest[correlation_id] = OpsCorrelatedEvent(
                at=row.timestamp,
                kind="correlation",
                component=row.component,
                layer=row.layer,
                severity=error_severity(row),
                title=error_title(row),
                ref=correlation_id,
                page=("correlation", correlation_id),
            )
    return list(newest.values())
