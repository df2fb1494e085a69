"""Reader of settings.READINESS_RISK_SOURCES: jobs that failed or are late, and messages that were given up."""

from collections.abc import Sequence

from incidents.errors.workflows import product_jobs_read
from incidents.triage.services.ops_risks import OpsRiskFinding, risks_order
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.services.risks import dead_letters_risk, job_risks, product_job_risk
from readiness.operations.workflows.overview import jobs_read
from readiness.tenants.workflows import synthetic_project_ids


@transactional(TransactionIntent.READ_ONLY)
def operations_risks_read(session: Session, *, project_id: int | None, limit: int) -> Sequence[OpsRiskFinding]:
    """The product's jobs; for the installation the console's own jobs and its outbox too. At most eight queries."""
    synthetic = synthetic_project_ids() if project_id is None else frozenset()
    findings = [
        product_job_risk(
            name=job.monitor.name, word=job.health.word, why=job.health.why, project_id=job.monitor.project_id
        )
        for job in product_jobs_read()
        if job.health.kind == "fail"
        and project_id in (None, job.monitor.project_id)
        and job.monitor.project_id not in synthetic
    ]
    if project_id is None:
        findings += job_risks(jobs=[(line.job.key, line.job.title, line.standing) for line in jobs_read()])
        findings += dead_letters_risk(dead=store.outbox_counts(now=utcnow()).dead)
    return risks_order(findings)[:limit]
