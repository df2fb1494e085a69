"""The one module that holds the scenarios' queries."""

from datetime import datetime

from incidents.scenarios.models import ScenarioRun


def run_add(
    *,
    project_id: int,
    scenario: str,
    started_at: datetime,
    finished_at: datetime,
    outcome: str,
    reason: str,
    error_id: str,
    incident: str,
    actor: str,
) -> ScenarioRun:
    """One more run."""
    return ScenarioRun.objects.create(
        project_id=project_id,
        scenario=scenario,
        started_at=started_at,
        finished_at=finished_at,
        outcome=outcome,
        reason=reason[:500],
        error_id=error_id,
        incident=incident,
        actor=actor,
    )


def has_passed(scenario: str) -> bool:
    """Whether the scenario ever got through."""
    return ScenarioRun.objects.filter(scenario=scenario, outcome=ScenarioRun.Outcome.PASSED).exists()
