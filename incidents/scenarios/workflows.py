"""Scenarios: synthetic programs through the console's real doors (41-44). The first is the self-check.

A scenario's tenant is marked synthetic: what it leaves is shown as such and kept out of every figure.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings

from incidents.errors.workflows import error_find
from incidents.scenarios import store
from incidents.triage.workflows import incident_of_fingerprint
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.correlation import correlation_scope, current_correlation
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.workflows import project_dsn_key, tenant_find, tenant_onboard

SELFCHECK = "selfcheck"
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """`outcome`: passed or failed, and why; `incident` (`INC-1`) is what the run left to explore."""

    scenario: str
    outcome: str
    reason: str
    incident: str


def selfcheck_run(*, actor: Actor) -> ScenarioResult:
    """Run the checkout program in a process of its own against this console; failed runs are recorded too."""
    started_at = utcnow()
    project_id, public_key = selfcheck_project(actor=actor)
    base = urlsplit(settings.READINESS_BASE_URL if settings.HTTPS else f"http://127.0.0.1:{settings.PORT}")
    dsn = f"{base.scheme}://{public_key}@{base.netloc}{base.path}/{project_id}"
    with correlation_scope("scenarios.selfcheck") as scope:
        sent, complaint = _program_run(dsn)
    error_id = f"err_{sent}" if sent else ""
    incident, reason = "", complaint
    if error_id:
        stored = error_find(project_id=project_id, error_id=error_id)
        incident = incident_of_fingerprint(project_id=project_id, fingerprint=stored.fingerprint) if stored else ""
        reason = (
            f"The crash arrived and became {incident}." if incident else f"The SDK sent {error_id}; it never arrived."
        )
        if stored and stored.correlation_id != scope.correlation_id:
            incident, reason = "", f"The crash arrived as {error_id} without the correlation id that it was sent with."
    outcome = "passed" if incident else "failed"
    scenario_record(
        project_id=project_id, started_at=started_at, outcome=outcome, reason=reason, error_id=error_id,
        incident=incident, actor=actor,
    )  # fmt: skip
    return ScenarioResult(SELFCHECK, outcome, reason, incident)


def selfcheck_ensure(*, actor: Actor) -> ScenarioResult | None:
    """The self-check, unless it got through before."""
    return None if selfcheck_passed() else selfcheck_run(actor=actor)


def _program_run(dsn: str) -> tuple[str, str]:
    """(event id, "") of a run that sent one, ("", complaint) of one that did not."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "SENTRY_DSN": dsn,
        "SENTRY_TRACE": _sentry_trace(),  # the SDK goes on with our trace: its crash carries our correlation id
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    command = [sys.executable, "-m", "incidents.scenarios.programs.checkout"]
    try:
        done = subprocess.run(
            command, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, timeout=PATIENCE_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "", f"The program did not finish within {PATIENCE_S} s."
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return "", f"The program ended with status {done.returncode}: {done.stderr.strip()[-300:]}"
    return str(json.loads(lines[-1]).get("event_id") or ""), ""


def _sentry_trace() -> str:
    """The present correlation as the SDK reads it, `<trace id>-<span id>-1`; empty outside any."""
    scope = current_correlation()
    return f"{scope.correlation_id}-{scope.span_id}-1" if scope else ""


@transactional(TransactionIntent.ATOMIC_WRITE)
def selfcheck_project(session: Session, *, actor: Actor) -> tuple[int, str]:
    """(project id, DSN key) of the synthetic tenant, made when it is not there yet."""
    tenant = tenant_find(slug=SELFCHECK)
    if tenant is None:
        made = tenant_onboard(slug=SELFCHECK, name="Self-check", synthetic=True, actor=actor)
        return made.project_id, made.public_key
    return project_dsn_key(tenant_id=tenant.pk)


@transactional(TransactionIntent.READ_ONLY)
def selfcheck_passed(session: Session) -> bool:
    """Whether the self-check ever got through on this installation."""
    return store.has_passed(SELFCHECK)


@transactional(TransactionIntent.ATOMIC_WRITE)
def scenario_record(
    session: Session,
    *,
    project_id: int,
    started_at: datetime,
    outcome: str,
    reason: str,
    error_id: str,
    incident: str,
    actor: Actor,
) -> None:
    """Keep the run."""
    store.run_add(
        project_id=project_id,
        scenario=SELFCHECK,
        started_at=started_at,
        finished_at=utcnow(),
        outcome=outcome,
        reason=reason,
        error_id=error_id,
        incident=incident,
        actor=actor.name,
    )
