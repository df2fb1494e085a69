"""What a review of the incident log still misses: for the checklist after a pilot (requirement 359)."""

from dataclasses import dataclass

from incidents.lessons.store import review as store
from readiness.infra.transactions import Session, TransactionIntent, transactional

LOOKED_AT = 101  # one more than is counted out


@dataclass(frozen=True, slots=True)
class LogReview:
    """Public ids, the gravest first, at most LOOKED_AT of each; `recorded`: there is a real incident at all."""

    recorded: bool
    undiagnosed: tuple[str, ...]
    without_post_mortem: tuple[str, ...]
    without_lesson: tuple[str, ...]
    without_control: tuple[str, ...]


@transactional(TransactionIntent.READ_ONLY)
def log_review_read(session: Session, *, project_id: int | None = None) -> LogReview:
    """Five queries. `project_id` None looks at every project."""
    lists = (
        question(project_id=project_id, limit=LOOKED_AT)
        for question in (
            store.incidents_undiagnosed,
            store.incidents_without_post_mortem,
            store.incidents_without_lesson,
            store.incidents_without_control,
        )
    )
    undiagnosed, without_post_mortem, without_lesson, without_control = (
        tuple(f"INC-{number}" for number in numbers) for numbers in lists
    )
    return LogReview(
        recorded=store.incident_log_exists(project_id=project_id),
        undiagnosed=undiagnosed,
        without_post_mortem=without_post_mortem,
        without_lesson=without_lesson,
        without_control=without_control,
    )
