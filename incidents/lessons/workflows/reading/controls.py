"""What a control's page shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from incidents.lessons import store
from incidents.lessons.models import Control, ControlRun, ControlVersion, RootCause
from incidents.lessons.services.control_state import ControlState, ControlVerdict
from incidents.lessons.workflows.controls import control_stamp
from incidents.lessons.workflows.shown import ControlShown, WaiverShown, controls_shown, waivers_shown
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class ControlPage:
    """A control, its runs (newest first, one more than asked for if there are older ones), those that made its state
    (`milestones`), its versions and waivers. `stamp`: what control_revise expects of whoever saw this.
    """

    control: Control
    verdict: ControlVerdict
    root_cause: RootCause | None
    runs: Sequence[ControlRun]
    versions: Sequence[ControlVersion]
    milestones: ControlShown
    waivers: Sequence[WaiverShown]
    stamp: str

    @property
    def waivable(self) -> bool:
        """Whether a waiver could let it count now: it was proven once, and is stale or broken."""
        return self.verdict.state in (ControlState.STALE, ControlState.BROKEN)


@transactional(TransactionIntent.READ_ONLY)
def control_page_read(session: Session, *, control_id: int, before: int | None = None, limit: int = 25) -> ControlPage:
    """A control and a page of its runs, those before a sequence number. Raises NotFound."""
    control = store.control_find(control_id)
    if control is None:
        raise NotFound(f"There is no control CTL-{control_id}. Controls are listed on the page of their incident.")
    root_cause = store.root_cause_latest(control.incident_id)
    now, incident = utcnow(), control.incident
    given = waivers_shown(store.waivers_of_incident(incident.pk), priority=incident.priority, now=now)
    waivers = [shown for shown in given if shown.fact.control == control.public_id]
    [milestones] = controls_shown(
        [control],
        runs=store.runs_of_milestones([control]),
        now=now,
        has_broken_commit=bool(root_cause and root_cause.broken_commits),
        waivers=waivers,
    )
    runs = store.runs_of_control(control.pk)
    if before is not None:
        runs = runs.filter(sequence__lt=before)
    return ControlPage(
        control=control,
        verdict=milestones.verdict,
        root_cause=root_cause,
        runs=list(runs[: limit + 1]),
        versions=list(store.control_versions(control.pk)),
        milestones=milestones,
        waivers=waivers,
        stamp=control_stamp(control),
    )
