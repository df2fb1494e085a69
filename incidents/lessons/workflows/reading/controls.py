"""What a control's page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.models import Control, ControlRun, ControlVersion, RootCause
from incidents.lessons.services.control_state import ControlVerdict
from incidents.lessons.workflows.states import control_verdict
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class ControlPage:
    """A control, its runs (newest first, one more than asked for if there are older ones) and its versions."""

    control: Control
    verdict: ControlVerdict
    root_cause: RootCause | None
    runs: Sequence[ControlRun]
    versions: Sequence[ControlVersion]


@transactional(TransactionIntent.READ_ONLY)
def control_page_read(session: Session, *, control_id: int, before: int | None = None, limit: int = 25) -> ControlPage:
    """A control and a page of its runs, those before a sequence number. Raises NotFound."""
    control = store.control_find(control_id)
    if control is None:
        raise NotFound(f"There is no control CTL-{control_id}. Controls are listed on the page of their incident.")
    root_cause = store.root_cause_latest(control.incident_id)
    has_broken_commit = bool(root_cause and root_cause.broken_commits)
    runs = store.runs_of_control(control.pk)
    if before is not None:
        runs = runs.filter(sequence__lt=before)
    return ControlPage(
        control=control,
        verdict=control_verdict(control, now=utcnow(), has_broken_commit=has_broken_commit),
        root_cause=root_cause,
        runs=list(runs[: limit + 1]),
        versions=list(store.control_versions(control.pk)),
    )
