"""Gates that rest on the lessons' controls: read live, and recorded anew when a control moves."""

from typing import Any

from incidents.lessons.workflows import controls_standing_read
from readiness.infra.actor import Actor
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.programs import store
from readiness.programs.models import Program
from readiness.programs.services.definition import ProgramDefinition
from readiness.programs.services.facts import ControlFact

WATCH = Actor(kind="system", name="control watch")


def controls_of(program: Program, definition: ProgramDefinition) -> tuple[ControlFact, ...] | None:
    """The controls that the program's gates may rest on, as they stand now; None where no criterion asks for any.

    The installation's programs look at every project.
    """
    if not any(criterion.controls is not None for gate in definition.gates for criterion in gate.criteria):
        return None
    return tuple(
        ControlFact(
            ref=standing.key,
            title=standing.title,
            url=f"/controls/{standing.key}/",
            state=standing.state,
            reason=standing.reason,
            error_class=standing.error_class,
            priority=standing.priority,
            state_at=standing.state_at,
            due_at=standing.due_at,
            due_on=standing.due_on,
            waiver=standing.waiver,
        )
        for standing in controls_standing_read(project_id=program.project_id or None)
    )


@transactional(TransactionIntent.READ_ONLY)
def programs_guarded_read(session: Session, *, project_id: int) -> list[str]:
    return store.programs_guarded(project_id=project_id)


def change_words(payload: dict[str, Any]) -> str:
    """`CTL-7: proven → broken`, as the verdict's cause."""
    before, after = (str(payload[name]).replace("_", " ") for name in ("before", "after"))
    return f"CTL-{int(payload['control_id'])}: {before} → {after}"
