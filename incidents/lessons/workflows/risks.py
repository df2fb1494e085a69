"""Reader of settings.READINESS_RISK_SOURCES: what will happen again, and which controls do not hold."""

from collections.abc import Sequence

from incidents.lessons.services.control_state import ControlState
from incidents.lessons.services.risks import control_risk, uncontrolled_risks
from incidents.lessons.store import risks as store
from incidents.triage.services.ops_risks import OpsRiskFinding, risks_order
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional


@transactional(TransactionIntent.READ_ONLY)
def lessons_risks_read(session: Session, *, project_id: int | None, limit: int) -> Sequence[OpsRiskFinding]:
    """Open incidents without a control, and controls that are broken, stale, ineffective or overdue. Three queries."""
    counts, refs = store.uncontrolled_counts(project_id=project_id), store.uncontrolled_refs(project_id=project_id)
    findings = uncontrolled_risks(counts=counts, refs=refs)
    findings += [
        control_risk(
            ref=control.public_id,
            title=control.title,
            state=ControlState(control.state),
            reason=control.state_reason,
            component=control.incident.component,
            incident=control.incident.public_id,
            project_id=control.project_id,
            due_on=control.due_on,
        )
        for control in store.controls_not_holding(project_id=project_id, today=utcnow().date(), limit=limit)
    ]
    return risks_order(findings)[:limit]
