"""How a project's controls stand at this moment: what its gates rest on."""

from dataclasses import dataclass
from datetime import date, datetime

from incidents.lessons import store
from incidents.lessons.store import due
from incidents.lessons.workflows.states import control_verdict
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

# Those that do not hold come first: what is cut off is proven.
STANDING_READ = 2_000


@dataclass(frozen=True, slots=True)
class ControlStanding:
    """A check or a rule, judged now. `key` is `CTL-7`; class and priority are its incident's; `waiver` says who vouches
    for it and until when, empty as a rule.
    """

    key: str
    title: str
    state: str
    reason: str
    error_class: str
    priority: str
    state_at: datetime
    due_at: datetime | None
    due_on: date | None
    waiver: str


@transactional(TransactionIntent.READ_ONLY)
def controls_standing_read(session: Session, *, project_id: int | None) -> list[ControlStanding]:
    """The real checks and rules of a project, of every project where `project_id` is None. Two queries."""
    now = utcnow()
    controls = due.controls_guarding(project_id=project_id, limit=STANDING_READ)
    verdicts = [(control, control_verdict(control, now=now)) for control in controls]
    weak = [control.pk for control, verdict in verdicts if verdict.state != "proven"]
    waived = store.waivers_of_controls_counting(weak, now=now) if weak else {}
    return [
        ControlStanding(
            key=control.public_id,
            title=control.title,
            state=verdict.state.value,
            reason=verdict.reason,
            error_class=control.incident.error_class,
            priority=control.incident.priority,
            state_at=control.state_at,
            due_at=verdict.due_at,
            due_on=control.due_on,
            waiver=f"waived: {waived[control.pk].said}" if control.pk in waived else "",
        )
        for control, verdict in verdicts
    ]
