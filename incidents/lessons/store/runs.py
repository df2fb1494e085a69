"""The queries of controls' runs and recurrences."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet

from incidents.lessons.models import Control, ControlRecurrence, ControlRun, ControlVersion, RootCause
from incidents.lessons.services.control_history import CheckResult, Outcome, Recurrence, Run, commands_same
from incidents.lessons.store.controls import control_progress
from readiness.infra.correlation import current_correlation_id


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


def run_of(row: ControlRun, *, command: str) -> Run:
    """A stored run as the state machine takes it; `command`: that of the control's version which it ran against."""
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
        own=commands_same(row.command, command),
    )


def moved_since(control: Control, at: datetime) -> bool:
    """Whether anything that makes its state came after that moment: a run, a recurrence, a root cause."""
    recurrences = ControlRecurrence.objects.filter(control_id=control.pk, recorded_at__gt=at)
    causes = RootCause.objects.filter(incident_id=control.incident_id, written_at__gt=at)
    last = run_latest(control.pk)
    return (last is not None and last.received_at > at) or recurrences.exists() or causes.exists()


def control_history(control_id: int, *, until: datetime | None = None) -> Iterator[Run | Recurrence]:
    """Every run and recurrence in the order received, or what had been received by a moment; read whole only when the
    broken commits change, or when it is asked how it stood then.
    """
    refuted = ControlRecurrence.objects.filter(control_id=control_id)
    runs = ControlRun.objects.filter(control_id=control_id)
    if until is not None:
        refuted, runs = refuted.filter(recorded_at__lte=until), runs.filter(received_at__lte=until)
    recurrences = list(refuted.order_by("sequence"))
    versions = ControlVersion.objects.filter(control_id=control_id)
    commands = dict(versions.values_list("version", "command"))
    for row in runs.order_by("sequence").iterator(chunk_size=500):
        while recurrences and recurrences[0].sequence < row.sequence:
            yield _recurrence_of(recurrences.pop(0))
        yield run_of(row, command=commands.get(row.version, ""))
    yield from (_recurrence_of(row) for row in recurrences)


def _recurrence_of(row: ControlRecurrence) -> Recurrence:
    return Recurrence(version=row.version, at=row.at)
