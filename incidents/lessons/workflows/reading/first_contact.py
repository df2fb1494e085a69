"""What first contact has shown so far: the first real issue and what is there of it, the last diagnosis, and a
prevention that holds.
"""

from dataclasses import dataclass
from datetime import timedelta

from incidents.errors.workflows import event_to_show
from incidents.lessons.store import controls_of_incident
from incidents.lessons.store.first_contact import (
    first_real_incident,
    last_diagnosed_incident,
    prevention_that_holds,
)
from incidents.lessons.workflows.states import control_verdict
from incidents.triage.store import fingerprints_of_incident, timeline_of
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional

CONTROLS_NAMED = 3
ENTRIES_COUNTED = 100


@dataclass(frozen=True, slots=True)
class FirstContact:
    """Public ids, empty where there is none. `took`: from the first stored event to the root cause of `diagnosed`."""

    issue: str = ""
    diagnosed: str = ""
    took: timedelta | None = None
    prevented: str = ""
    control: str = ""


@dataclass(frozen=True, slots=True)
class FirstIssue:
    """What there is of the first real incident; `issue` is empty where none occurred, and the rest with it. `controls`:
    public ids, at most CONTROLS_NAMED.
    """

    issue: str = ""
    evidence: bool = False
    entries: int = 0
    diagnosed: bool = False
    controls: tuple[str, ...] = ()


@transactional(TransactionIntent.READ_ONLY)
def first_issue_read(session: Session, *, project_id: int | None = None) -> FirstIssue:
    """At most six queries."""
    issue = first_real_incident(project_id=project_id)
    if issue is None:
        return FirstIssue()
    groups = fingerprints_of_incident(issue.pk)
    shown = event_to_show(project_id=issue.project_id, error_id=issue.first_error_id, fingerprints=groups)
    return FirstIssue(
        issue=issue.public_id,
        evidence=shown.event is not None,
        entries=len(timeline_of(issue.pk, merged=[], limit=ENTRIES_COUNTED)),
        diagnosed=issue.diagnosed_at is not None,
        controls=tuple(control.public_id for control in controls_of_incident(issue.pk)[:CONTROLS_NAMED]),
    )


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
