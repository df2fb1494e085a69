"""What people hear of incidents: one notice with the commit that makes it true. A synthetic incident tells nobody."""

import re

from incidents.triage import store
from incidents.triage.models import Incident, TimelineEntry
from incidents.triage.services.response import is_grave
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.notices import notice_publish
from readiness.infra.transactions import Session, TransactionIntent, transactional

_INCIDENT_PAGE = re.compile(r"/incidents/INC-([0-9]{1,15})/")


def incident_detected_tell(session: Session, incident: Incident) -> None:
    """A new incident of P0 or P1 is told; one INSERT, for this is capture's own transaction."""
    if incident.synthetic or not is_grave(incident.priority):
        return
    notice_publish(
        session,
        kind="incident.detected",
        key=f"{incident.public_id}:detected",
        title=f"{incident.public_id} {incident.title}",
        text=f"{incident.priority} proposed, in {incident.component}. Acknowledge it; the clock of its diagnosis runs.",
        project_id=incident.project_id,
        priority=incident.priority,
        page=f"/incidents/{incident.public_id}/",
        facts={"Class": incident.error_class, "Component": incident.component},
    )


def incident_recurred_tell(session: Session, incident: Incident) -> None:
    """A recurrence is told whatever its priority: the one thing that was not to happen. Each once, when it is seen
    under a public key and when a person has confirmed it.
    """
    if incident.synthetic:
        return
    confirm = "" if incident.recurrence_confirmed else " It came under a public key: confirm it before it counts."
    notice_publish(
        session,
        kind="incident.recurred",
        key=f"{incident.public_id}:recurred:{incident.recurrences}",
        title=f"{incident.public_id} {incident.title}",
        text=f"What was resolved happened again, for the {_ordinal(incident.recurrences)} time.{confirm}",
        project_id=incident.project_id,
        priority=incident.priority,
        page=f"/incidents/{incident.public_id}/",
        facts={"Class": incident.error_class, "Component": incident.component},
    )


def incident_updated_tell(session: Session, incident: Incident, entry: TimelineEntry) -> None:
    """A status update is told as it was written (347); each once."""
    if incident.synthetic:
        return
    notice_publish(
        session,
        kind="incident.updated",
        key=f"{incident.public_id}:updated:{entry.pk}",
        title=f"{incident.public_id} {incident.title}",
        text=entry.text,
        project_id=incident.project_id,
        priority=incident.priority,
        page=f"/incidents/{incident.public_id}/",
        facts={"Status": incident.status, "By": entry.actor, "Owner": incident.owner or "nobody yet"},
    )


def _ordinal(number: int) -> str:
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"


@transactional(TransactionIntent.ATOMIC_WRITE)
def incident_told(session: Session, *, page: str, text: str) -> bool:
    """Who was told of it, on the timeline of the incident whose page the notice led to; False when it led elsewhere."""
    match = _INCIDENT_PAGE.match(page)
    incident = store.incident_find(int(match[1])) if match else None
    if incident is None:
        return False
    store.timeline_append(incident=incident, at=utcnow(), kind="told", text=text, actor=SYSTEM.name)
    return True
