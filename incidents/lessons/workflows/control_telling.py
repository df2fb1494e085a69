"""What a control's move sets going, in the transaction that makes it: notices, and the two events of the outbox.

`control.changed` goes up to the programs whose gates rest on controls; `control.broken` comes back to this subject
(control_incidents.py), which then has a transaction of its own and takes the incident's lock before the control's, as
everybody does. Controls of synthetic incidents tell nobody.
"""

from incidents.lessons.models import Control
from incidents.lessons.services.control_state import ControlState, ControlVerdict
from readiness.infra.clock import isoz
from readiness.infra.notices import notice_publish
from readiness.infra.outbox import outbox_publish
from readiness.infra.transactions import Session, TransactionIntent, transactional

CHANGED_TOPIC = "control.changed"
BROKEN_TOPIC = "control.broken"
# What people are told of; that a control holds again stands on the timelines.
_TOLD = frozenset({ControlState.BROKEN, ControlState.STALE, ControlState.INEFFECTIVE})
_GUARDING = _TOLD | {ControlState.PROVEN}


@transactional(TransactionIntent.ATOMIC_WRITE)
def control_change_tell(session: Session, *, control: Control, before: ControlState, verdict: ControlVerdict) -> None:
    """A control has moved: people are told once a change, and who depends on it hears."""
    after = verdict.state
    if control.incident.synthetic or not {before, after} & _GUARDING:
        return
    payload = {"control_id": control.pk, "project_id": control.project_id, "before": before, "after": after}
    outbox_publish(session, topic=CHANGED_TOPIC, key=control.public_id, payload=payload, project_id=control.project_id)
    if after is ControlState.BROKEN or (before is ControlState.BROKEN and after is ControlState.PROVEN):
        outbox_publish(
            session, topic=BROKEN_TOPIC, key=control.public_id, payload=payload, project_id=control.project_id
        )
    if after in _TOLD:
        control_notice(session, control=control, kind=after.value, which=_which(control, verdict), text=verdict.reason)


def _which(control: Control, verdict: ControlVerdict) -> str:
    """What makes this telling another than the one before: the due time that was missed, else the run that did it."""
    if verdict.state is ControlState.STALE and verdict.due_at is not None:
        return f"{verdict.due_at:%Y-%m-%dT%H:%MZ}"
    return str(control.last_sequence)


def control_notice(session: Session, *, control: Control, kind: str, which: str, text: str, due: str = "") -> None:
    """One notice of a control: `control.due`, `.stale`, `.broken`, `.ineffective` or `.overdue`; `due`: when what was
    due, where it is not the next pass on main.
    """
    incident = control.incident
    facts = {
        "Control": control.public_id,
        "Incident": incident.public_id,
        "Owner": control.owner,
        "Command": control.command,
        "Due": due or isoz(control.pass_due_at) or "",
    }
    notice_publish(
        session,
        kind=f"control.{kind}",
        key=f"{control.public_id}:{kind}:{which}",
        title=f"{control.public_id} “{control.title}” is {kind}",
        text=text,
        project_id=control.project_id,
        priority=incident.priority,
        page=f"/controls/{control.public_id}/",
        facts={name: value[:300] for name, value in facts.items() if value},
    )
