"""Reader of settings.READINESS_RISK_SOURCES: required gates that are not passed."""

from collections.abc import Sequence

from incidents.triage.services.ops_risks import OpsRiskFinding, risks_order
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.programs.services.risks import gate_risks
from readiness.programs.workflows.verdicts import program_main_view


@transactional(TransactionIntent.READ_ONLY)
def programs_risks_read(session: Session, *, project_id: int | None, limit: int) -> Sequence[OpsRiskFinding]:
    """The gates of the home page's program, evaluated now; other programs have pages of their own. As many queries as
    one verdict.
    """
    view = program_main_view()
    if view is None or view.evaluation.frozen or project_id not in (None, view.program.project_id):
        return []
    evaluation, program = view.evaluation, view.program
    findings = gate_risks(
        slug=program.slug, gates=evaluation.gates, as_of=evaluation.as_of, project_id=program.project_id
    )
    return risks_order(findings)[:limit]
