"""What people wrote of an incident, in every revision: root causes and lessons, each with what changed."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.models import Lesson, RootCause
from incidents.lessons.services.changes import Piece, text_changes
from incidents.lessons.services.factors import factors_of
from incidents.triage.models import Incident
from incidents.triage.store import incident_find
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

REVISIONS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CauseRevision:
    """One revision, and what it changed against the one before; a first one changed nothing. Each part's pieces."""

    row: RootCause
    text: Sequence[Piece]
    factors: Sequence[Piece]
    broken_commits: Sequence[Piece]
    evidence: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class LessonRevision:
    """One wording of a lesson; `current` if none replaced it."""

    row: Lesson
    current: bool
    believed: Sequence[Piece]
    was_true: Sequence[Piece]
    do_now: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Written:
    """`causes` and `lessons`, the newest first; `older`: there are more revisions than are shown."""

    incident: Incident
    causes: Sequence[CauseRevision]
    lessons: Sequence[LessonRevision]
    older: bool


@transactional(TransactionIntent.READ_ONLY)
def incident_written_read(session: Session, *, incident_id: int) -> Written:
    """Everything that was written of one incident, at most REVISIONS_SHOWN of each. Three queries. Raises NotFound."""
    incident = incident_find(incident_id)
    if incident is None:
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    causes = list(store.root_causes_of_incident(incident_id, limit=REVISIONS_SHOWN + 1))
    lessons = list(store.lessons_ever_of_incident(incident_id, limit=REVISIONS_SHOWN + 1))
    by_id = {lesson.pk: lesson for lesson in lessons}
    replaced = {lesson.replaces_id for lesson in lessons}
    return Written(
        incident=incident,
        causes=[
            _cause(row, before) for row, before in zip(causes[:REVISIONS_SHOWN], [*causes[1:], None], strict=False)
        ],
        lessons=[
            _lesson(row, by_id.get(row.replaces_id or 0), current=row.pk not in replaced)
            for row in lessons[:REVISIONS_SHOWN]
        ],
        older=max(len(causes), len(lessons)) > REVISIONS_SHOWN,
    )


def _cause(row: RootCause, before: RootCause | None) -> CauseRevision:
    return CauseRevision(
        row=row,
        text=_changed(row.text, before.text if before else None),
        factors=_changed(_factors(row), _factors(before) if before else None),
        broken_commits=_changed("\n".join(row.broken_commits), "\n".join(before.broken_commits) if before else None),
        evidence=_changed("\n".join(row.evidence), "\n".join(before.evidence) if before else None),
    )


def _lesson(row: Lesson, before: Lesson | None, *, current: bool) -> LessonRevision:
    return LessonRevision(
        row=row,
        current=current,
        believed=_changed(row.believed, before.believed if before else None),
        was_true=_changed(row.was_true, before.was_true if before else None),
        do_now=_changed(row.do_now, before.do_now if before else None),
    )


def _factors(row: RootCause) -> str:
    return "\n".join(factor.line for factor in factors_of(row.contributing_factors))


def _changed(after: str, before: str | None) -> tuple[Piece, ...]:
    if before is None:
        return (Piece("same", after),) if after else ()
    return text_changes(before=before, after=after)
