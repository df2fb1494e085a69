"""How long diagnoses take, for the home page and the preflight."""

from datetime import timedelta

from incidents.triage import store
from incidents.triage.services.clock import DiagnosisClocks
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional


@transactional(TransactionIntent.READ_ONLY)
def diagnosis_clocks_read(session: Session, *, days: int = 30) -> DiagnosisClocks:
    """p50 and p90 of the diagnosis clocks that stopped in the last `days`, and what still runs. An incident that came
    back counts with its last clock; samples and merged ones are left out. One query.
    """
    now = utcnow()
    taken = store.diagnosis_clocks(since=now - timedelta(days=days), now=now)
    return DiagnosisClocks(
        days=days,
        diagnosed=taken.diagnosed,
        within=taken.within,
        p50=None if taken.p50 is None else max(0, round(taken.p50)),
        p90=None if taken.p90 is None else max(0, round(taken.p90)),
        running=taken.running,
        overdue=taken.overdue,
    )
