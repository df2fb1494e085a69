"""Readers of settings.READINESS_RISK_SOURCES: what incidents and capture know to break if users arrive."""

from collections.abc import Sequence
from datetime import timedelta

from incidents.errors.services.reports import WANTED
from incidents.triage.models import Incident
from incidents.triage.services.ops_risks import OpsRiskFinding, risks_order
from incidents.triage.services.response import response_of
from incidents.triage.services.risk_rules import (
    ErrorFlow,
    OpenIncident,
    ProjectSigns,
    flow_risks,
    incident_risks,
    project_risks,
    waiting_risks,
)
from incidents.triage.store import ops as store
from incidents.triage.workflows.ops import project_names, scope_of
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.workflows import project_keys_read

LOOKED_BACK = timedelta(days=7)
INCIDENTS = 200


@transactional(TransactionIntent.READ_ONLY)
def incidents_risks_read(session: Session, *, project_id: int | None, limit: int) -> Sequence[OpsRiskFinding]:
    """Open P0 and P1, and what nobody took in time. Two queries, each counted to INCIDENTS."""
    now, patience = utcnow(), response_of("P2").acknowledge_within or timedelta(0)
    grave = [_open(row) for row in store.incidents_grave(project_id=project_id, limit=INCIDENTS)]
    untaken = store.incidents_untaken(project_id=project_id, before=now - patience, limit=INCIDENTS)
    waiting = waiting_risks(incidents=[_open(row) for row in untaken], now=now)
    return risks_order([*incident_risks(incidents=grave, now=now), *waiting])[:limit]


def _open(row: Incident) -> OpenIncident:
    return OpenIncident(
        ref=row.public_id,
        title=row.title,
        component=row.component,
        project_id=row.project_id,
        priority=row.priority,
        confirmed=row.priority_counts,
        acknowledged=row.acknowledged_at is not None,
        waiting_since=row.detected_at,
    )


@transactional(TransactionIntent.READ_ONLY)
def capture_risks_read(session: Session, *, project_id: int | None, limit: int) -> Sequence[OpsRiskFinding]:
    """Errors that are not understood or not kept, projects that nothing is heard of, and keys that are not trusted.
    Eight queries.
    """
    now, scope = utcnow(), scope_of(project_id)
    since = (now - LOOKED_BACK).replace(minute=0, second=0, microsecond=0)
    projects, heard = project_keys_read(project_id=project_id), store.projects_heard(scope=scope)
    names, classed = project_names(projects), store.errors_classed(scope=scope, since=since)
    dropped: dict[int, dict[str, int]] = {}
    for owner, source, reason, quantity in store.errors_dropped(scope=scope, since=since):
        if (kind := _drop_kind(source, reason)) is not None:
            counts = dropped.setdefault(owner, {})
            counts[kind] = counts.get(kind, 0) + quantity
    flows = [
        ErrorFlow(
            project_id=owner,
            name=names.get(owner, f"project {owner}"),
            stored=classed.get(owner, (0, 0))[0],
            unclassified=classed.get(owner, (0, 0))[1],
            **dropped.get(owner, {}),
        )
        for owner in sorted({*classed, *dropped})
    ]
    signs = [
        ProjectSigns(
            project_id=project.project_id,
            name=project.name,
            created_at=project.created_at,
            heard=project.project_id in heard or project.heard_at is not None,
            trusted=project.trusted,
        )
        for project in projects
    ]
    return risks_order([*flow_risks(flows=flows), *project_risks(projects=signs, now=now)])[:limit]


def _drop_kind(source: str, reason: str) -> str | None:
    """Which of an ErrorFlow's figures a count belongs to; None for spans, and for what a program drops on purpose."""
    if source == "sdk":
        return None if reason in WANTED else "lost"
    if reason.startswith("span"):
        return None
    return "sampled" if reason in ("incident_limit", "spike") else "refused"
