"""What first contact has shown so far: the first real issue, the last diagnosis, and a prevention that holds."""

from dataclasses import dataclass
from datetime import timedelta

from incidents.lessons.store.first_contact import (
    first_real_incident,
    last_diagnosed_incident,
    prevention_that_holds,
)
from incidents.lessons.workflows.states import control_verdict
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class FirstContact:
    """Public ids, empty where there is none. `took`: from the first stored event to the root cause of `diagnosed`."""

    issue: str = ""
    diagnosed: str = ""
    took: timedelta | None = None
    prevented: str = ""
    control: str = ""


@transactional(TransactionIntent.READ_ONLY)
def first_contact_read(session: Session, *, project_id: int | None = None) -> FirstContact:
    """Three queries. A control that time has turned stale since holds nothing."""
    issue = first_real_incident(project_id=project_id)
    diagnosed = last_diagnosed_incident(project_id=project_id)
    control = prevention_that_holds(project_id=project_id)
    if control is not None and control_verdict(control, now=utcnow()).state != "proven":
        control = None
    took = diagnosed.diagnosed_at - diagnosed.detected_at if diagnosed and diagnosed.diagnosed_at else None
    return FirstContact(
        issue=issue.public_id if issue else "",
        diagnosed=diagnosed.public_id if diagnosed else "",
        took=took,
        prevented=f"INC-{control.incident_id}" if control else "",
        control=control.public_id if control else "",
    )
