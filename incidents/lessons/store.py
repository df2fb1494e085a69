"""The one module that holds the queries of lessons: root causes, lessons, controls and their runs."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec
from django.db.models import Count, Q, QuerySet

from incidents.lessons.models import Control, ControlRecurrence, ControlRun, ControlVersion, Lesson, RootCause
from incidents.lessons.services.control_state import CheckResult, Outcome, Progress, Recurrence, Run
from incidents.triage.models import Incident
from incidents.triage.store import OPEN
from readiness.infra.correlation import current_correlation_id

CONTROLS_SHOWN = 50
OVERDUE_BATCH = 500

# --- root causes and lessons --------------------------------------------------------------------------------------


def root_cause_latest(incident_id: int) -> RootCause | None:
    """The revision that counts."""
    return RootCause.objects.filter(incident_id=incident_id).order_by("-revision").first()


def root_cause_insert(**fields: Any) -> RootCause:
    return RootCause.objects.create(**fields)


def lesson_insert(**fields: Any) -> Lesson:
    return Lesson.objects.create(**fields)


def lesson_find(lesson_id: int) -> Lesson | None:
    return Lesson.objects.filter(pk=lesson_id).first()


def lesson_is_replaced(lesson_id: int) -> bool:
    return Lesson.objects.filter(replaces_id=lesson_id).exists()


def lessons_of_incident(incident_id: int, *, limit: int = 20) -> QuerySet[Lesson]:
    """The current ones, oldest first."""
    return Lesson.objects.filter(incident_id=incident_id, replaced_by__isnull=True).order_by("id")[:limit]


def lessons_of_incidents(incident_ids: Iterable[int]) -> dict[int, Lesson]:
    """The newest current lesson of each incident, in one query."""
    rows = Lesson.objects.filter(incident_id__in=list(incident_ids), replaced_by__isnull=True).order_by("id")
    return {lesson.incident_id: lesson for lesson in rows}


def lessons_current() -> QuerySet[Lesson]:
    """The current ones with their incidents, newest first (index lessons_lesson_recent)."""
    return Lesson.objects.filter(replaced_by__isnull=True).select_related("incident").order_by("-written_at", "-id")


def written_counts(incident_ids: Iterable[int]) -> dict[int, tuple[int, int, int]]:
    """(root causes, lessons, controls) of each incident that has any. Three queries."""
    ids = list(incident_ids)
    counted = [
        dict(model.objects.filter(incident_id__in=ids).values_list("incident_id").annotate(Count("pk")).order_by())
        for model in (RootCause, Lesson, Control)
    ]
    return {pk: (counted[0].get(pk, 0), counted[1].get(pk, 0), counted[2].get(pk, 0)) for pk in set().union(*counted)}


# --- controls -----------------------------------------------------------------------------------------------------


def control_find(control_id: int) -> Control | None:
    return Control.objects.select_related("incident").filter(pk=control_id).first()


def controls_of_incident(incident_id: int) -> QuerySet[Control]:
    """Oldest first."""
    return Control.objects.filter(incident_id=incident_id).order_by("id")[:CONTROLS_SHOWN]


def controls_of_incidents(incident_ids: Iterable[int]) -> dict[int, list[Control]]:
    """Controls by incident, in one query."""
    grouped: dict[int, list[Control]] = {}
    for control in Control.objects.filter(incident_id__in=list(incident_ids)).order_by("id"):
        grouped.setdefault(control.incident_id, []).append(control)
    return grouped


def controls_overdue(now: datetime) -> list[int]:
    """Ids of the proven controls whose pass on main is overdue, at most OVERDUE_BATCH (index lessons_control_state)."""
    rows = Control.objects.filter(state=Control.State.PROVEN, pass_due_at__lt=now).order_by("pass_due_at")
    return list(rows.values_list("pk", flat=True)[:OVERDUE_BATCH])


def playbook_entries(*, error_class: str, limit: int = 5) -> QuerySet[Control]:
    """Playbook entries that incidents of one error class left behind, newest first."""
    rows = Control.objects.filter(kind=Control.Kind.PLAYBOOK, incident__error_class=error_class)
    return rows.select_related("incident").order_by("-id")[:limit]


def control_versions(control_id: int, *, limit: int = 20) -> QuerySet[ControlVersion]:
    return ControlVersion.objects.filter(control_id=control_id).order_by("-version")[:limit]


def control_version_insert(**fields: Any) -> ControlVersion:
    return ControlVersion.objects.create(**fields)


def control_progress(control: Control) -> Progress:
    """What its history has come to, as the store kept it."""
    return msgspec.convert(control.progress, Progress)


def control_progress_set(control: Control, progress: Progress) -> None:
    control.progress = msgspec.to_builtins(progress)


# --- runs ---------------------------------------------------------------------------------------------------------


def run_insert(**fields: Any) -> ControlRun:
    """One more run, under the correlation of whoever reports it."""
    return ControlRun.objects.create(correlation_id=current_correlation_id(), **fields)


def run_latest(control_id: int) -> ControlRun | None:
    return ControlRun.objects.filter(control_id=control_id).order_by("-sequence").first()


def run_by_idempotency_key(control_id: int, key: str) -> ControlRun | None:
    return ControlRun.objects.filter(control_id=control_id, idempotency_key=key).first()


def runs_correlated(*, correlation_id: str, project_id: int | None) -> QuerySet[ControlRun]:
    """What was reported under a correlation id, the earliest first; of one project unless `project_id` is None."""
    rows = ControlRun.objects.defer("checks").filter(correlation_id=correlation_id).order_by("received_at", "pk")
    return rows if project_id is None else rows.filter(project_id=project_id)


def runs_of_control(control_id: int) -> QuerySet[ControlRun]:
    """Newest first, without their checks (up to 2,000 a run)."""
    return ControlRun.objects.filter(control_id=control_id).defer("checks").order_by("-sequence")


def runs_of_milestones(controls: Iterable[Control]) -> dict[int, dict[str, ControlRun]]:
    """The newest run of each effect (red, proof, on main) by control, in one query for all of them."""
    wanted = {(c.pk, sequence): effect for c in controls for effect, sequence in control_progress(c).milestones.items()}
    if not wanted:
        return {}
    condition = reduce(or_, (Q(control_id=control_id, sequence=sequence) for control_id, sequence in wanted))
    grouped: dict[int, dict[str, ControlRun]] = {}
    for run in ControlRun.objects.filter(condition).defer("checks").order_by("sequence"):
        grouped.setdefault(run.control_id, {})[wanted[run.control_id, run.sequence]] = run
    return grouped


def recurrence_insert(**fields: Any) -> ControlRecurrence:
    return ControlRecurrence.objects.create(**fields)


def recurrence_exists(control_id: int, recurrence: int) -> bool:
    return ControlRecurrence.objects.filter(control_id=control_id, recurrence=recurrence).exists()


def run_of(row: ControlRun) -> Run:
    """A stored run as the state machine takes it."""
    return Run(
        version=row.version,
        outcome=Outcome(row.outcome),
        commit=row.commit,
        on_main=row.on_main,
        command=row.command,
        overlay=row.overlay_sha256,
        checks=tuple(CheckResult(item["id"], Outcome(item["outcome"])) for item in row.checks),
        finished_at=row.finished_at,
        received_at=row.received_at,
        sequence=row.sequence,
    )


def control_history(control_id: int) -> Iterator[Run | Recurrence]:
    """Every run and recurrence in the order received; read whole only when the broken commits change."""
    recurrences = list(ControlRecurrence.objects.filter(control_id=control_id).order_by("sequence"))
    for row in ControlRun.objects.filter(control_id=control_id).order_by("sequence").iterator(chunk_size=500):
        while recurrences and recurrences[0].sequence < row.sequence:
            yield _recurrence_of(recurrences.pop(0))
        yield run_of(row)
    yield from (_recurrence_of(row) for row in recurrences)


def _recurrence_of(row: ControlRecurrence) -> Recurrence:
    return Recurrence(version=row.version, at=row.at)


# --- what needs a person --------------------------------------------------------------------------------------------


def incidents_waiting(*, limit: int) -> QuerySet[Incident]:
    """Real incidents with a next step, the gravest and newest first (index triage_incident_priority)."""
    rows = Incident.objects.filter(synthetic=False, hidden=False, status__in=(*OPEN, Incident.Status.PREVENTED))
    return rows.order_by("priority", "-last_seen")[:limit]


def controls_failing(*, limit: int) -> QuerySet[Control]:
    """Controls that prevent nothing any more, with their incidents (index lessons_control_state)."""
    states = (Control.State.BROKEN, Control.State.INEFFECTIVE, Control.State.STALE)
    rows = Control.objects.filter(state__in=states, incident__synthetic=False).select_related("incident")
    return rows.order_by("state_at")[:limit]
