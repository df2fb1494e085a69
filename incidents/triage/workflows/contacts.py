"""Who stands on the escalation path: edited by founders, in the admin."""

from incidents.triage import store
from incidents.triage.models import EscalationContact
from incidents.triage.services.response import STEPS
from readiness.infra.actor import Actor
from readiness.infra.refusals import FieldError, Invalid, NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.workflows import person_read, projects_read


@transactional(TransactionIntent.ATOMIC_WRITE)
def contact_save(
    session: Session,
    *,
    step: int,
    project_id: int,
    user_id: int | None,
    name: str,
    email: str,
    actor: Actor,
    contact_id: int | None = None,
) -> EscalationContact:
    """Put a person of the console, or a name and an e-mail, on a step of the path; `project_id` 0: of the installation.

    Raises Invalid (no such step or project, nobody to reach, somebody who left), NotFound.
    """
    contact = EscalationContact() if contact_id is None else store.contact_find(contact_id)
    if contact is None:
        raise NotFound("There is no such contact any more; somebody removed it. Add it anew.")
    person = person_read(user_id=user_id) if user_id else None
    errors = []
    if step not in STEPS:
        errors.append(FieldError("/step", "Choose step 1, 2 or 3."))
    if user_id and (person is None or not person.is_active):
        errors.append(FieldError("/user", "Choose somebody who may sign in: who has left is not told."))
    if person is None and not email.strip():
        errors.append(FieldError("/email", "Choose a person of the console, or give an e-mail."))
    if project_id and project_id not in projects_read(project_ids=[project_id]):
        errors.append(FieldError("/project_id", "There is no such project; 0 is the whole installation."))
    if errors:
        raise Invalid("The contact is not saved. " + " ".join(error.detail for error in errors), errors=errors)
    contact.step, contact.project_id, contact.user = step, project_id, person
    contact.name, contact.email = name.strip()[:120], "" if person else email.strip()
    contact.save()
    return contact


@transactional(TransactionIntent.ATOMIC_WRITE)
def contact_remove(session: Session, *, contact_id: int, actor: Actor) -> None:
    """Take somebody off the path; a step without anybody is the founders'. Raises NotFound."""
    contact = store.contact_find(contact_id)
    if contact is None:
        raise NotFound("There is no such contact any more; somebody removed it before you.")
    contact.delete()
