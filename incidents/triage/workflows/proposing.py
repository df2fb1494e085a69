"""What the console proposes of an incident by itself; a person confirms it, or says otherwise (moves.py)."""

from incidents.triage.models import Incident
from incidents.triage.services.response import response_of
from incidents.triage.workflows.revising import incident_lock, move_record
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional


def priority_fields(incident: Incident, priority: str) -> dict[str, object]:
    """What changes with a priority. The first hour of an active incident begins when it becomes one."""
    fields: dict[str, object] = {"priority": priority}
    if response_of(priority).update_every and not response_of(incident.priority).update_every:
        fields["update_from"] = utcnow()
    return fields


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_propose_priority(
    txn: SingleConnectionTxn, *, incident_id: int, priority: str, why: str, actor: Actor
) -> bool:
    """Propose a priority that does not follow from the incident's own errors, and say `why` (a sentence); False where
    it has it already. What a person has confirmed is never touched.

    It escalates and is shown like any other, but it is `priority_inferred`: however trusted the key, it stops no pilot
    and rolls nothing back until a person confirms it.
    """
    incident = incident_lock(txn, incident_id)
    if incident.priority_confirmed or incident.priority == priority:
        return False
    fields = {**priority_fields(incident, priority), "priority_inferred": True}
    text = f"{priority} proposed (before: {incident.priority}): {why} A person confirms or corrects it."
    move_record(incident=incident, kind="priority-proposed", text=text, actor=actor, fields=fields)
    return True
