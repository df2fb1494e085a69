"""What breaks if users arrive: facts in, findings out. No database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from incidents.lessons.services.control_state import ControlState
from incidents.lessons.services.risks import control_risk, uncontrolled_risks
from incidents.triage.services.ops_health import ComponentFigures, component_health
from incidents.triage.services.ops_risks import OpsRiskFinding, OpsRiskLevel
from incidents.triage.services.risk_rules import (
    ErrorFlow,
    OpenIncident,
    ProjectSigns,
    component_risks,
    flow_risks,
    incident_risks,
    project_risks,
    waiting_risks,
)
from readiness.operations.services.jobs import JobStanding
from readiness.operations.services.risks import dead_letters_risk, job_risks, product_job_risk
from readiness.programs.services.gates import GateResult, GateStatus
from readiness.programs.services.risks import gate_risks

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
LONG = NOW - timedelta(days=2)
INCIDENT = OpenIncident(
    ref="INC-1",
    title="Totals are wrong",
    component="billing",
    project_id=1,
    priority="P0",
    confirmed=True,
    acknowledged=False,
    waiting_since=LONG,
)
FLOW = ErrorFlow(project_id=1, name="Shop", stored=100)
PROJECT = ProjectSigns(project_id=1, name="Shop", created_at=LONG, heard=True, trusted=True)


def levels(findings: list[OpsRiskFinding]) -> list[str]:
    return [f"{finding.kind} {finding.level.value}" for finding in findings]


def test_open_incidents_go_together_by_component_and_priority() -> None:
    others = [replace(INCIDENT, ref="INC-2"), replace(INCIDENT, ref="INC-3", priority="P1", confirmed=False)]
    findings = incident_risks(incidents=[INCIDENT, *others], now=NOW)
    assert levels(findings) == ["incident_open_p0 critical", "incident_open_p1 high"]
    assert (findings[0].count, findings[0].title) == (2, "2 open incidents of P0")
    assert "INC-1 and INC-2" in findings[0].why
    assert "It is proposed by rule, not confirmed yet." in findings[1].why
    assert findings[1].page == ("incident", "INC-3")


@pytest.mark.parametrize(
    ("priority", "waited", "late"),
    [
        ("P0", timedelta(minutes=4), False),
        ("P0", timedelta(minutes=6), True),
        ("P1", timedelta(minutes=59), False),
        ("P1", timedelta(minutes=61), True),
        ("P2", timedelta(hours=23), False),
        ("P2", timedelta(hours=25), True),
        ("P3", timedelta(days=90), False),
    ],
)
def test_an_incident_waits_as_long_as_its_priority_lets_it(priority: str, waited: timedelta, late: bool) -> None:
    """What nobody took in time is said once: with an open P0 or P1, and for P2 in a finding of their own."""
    incident = replace(INCIDENT, priority=priority, waiting_since=NOW - waited)

    def said(one: OpenIncident) -> bool:
        findings = [*incident_risks(incidents=[one], now=NOW), *waiting_risks(incidents=[one], now=NOW)]
        assert len(findings) <= 1
        return any("Nobody has taken INC-1 for" in finding.why for finding in findings)

    assert said(incident) is late
    assert not said(replace(incident, acknowledged=True))


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        ({}, []),
        ({"stored": 19, "unclassified": 19}, []),
        ({"unclassified": 10}, ["errors_unclassified medium"]),
        ({"unclassified": 50}, ["errors_unclassified high"]),
        ({"refused": 1}, ["errors_refused medium"]),
        ({"refused": 12}, ["errors_refused high"]),
        ({"lost": 1}, ["errors_lost medium"]),
        ({"sampled": 1}, ["errors_sampled low"]),
        ({"stored": 0, "refused": 5}, ["errors_refused high"]),
    ],
)
def test_what_is_not_understood_or_not_kept_is_a_risk(flow: dict[str, Any], expected: list[str]) -> None:
    assert levels(flow_risks(flows=[replace(FLOW, **flow)])) == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the first draw of a process is slow
@given(st.integers(0, 500), st.integers(0, 500), st.integers(1, 100))
def test_more_refused_is_never_less_of_a_risk(stored: int, refused: int, more: int) -> None:
    def rank(number: int) -> int:
        found = flow_risks(flows=[replace(FLOW, stored=stored, refused=number)])
        return max((finding.level.rank for finding in found), default=-1)

    assert rank(refused + more) >= rank(refused)


def test_a_silent_project_is_a_blind_spot() -> None:
    findings = project_risks(projects=[replace(PROJECT, heard=False)], now=NOW)
    assert levels(findings) == ["project_silent high"]
    assert findings[0].blind
    assert project_risks(projects=[replace(PROJECT, heard=False, created_at=NOW)], now=NOW) == []
    assert project_risks(projects=[PROJECT], now=NOW) == []
    assert levels(project_risks(projects=[replace(PROJECT, trusted=False)], now=NOW)) == ["key_untrusted low"]


def test_a_component_over_its_usual_is_a_finding_unless_its_incidents_are() -> None:
    figures = ComponentFigures(project_id=1, component="shop", this_hour=40, earlier_hours=100, project_heard_at=NOW)
    by_rate, by_incident = (component_health(figures=replace(figures, grave=grave), now=NOW) for grave in (0, 1))
    findings = component_risks(signals=[by_rate, by_incident])
    assert levels(findings) == ["component_unhealthy high"]
    assert findings[0].count == 40


def test_what_nothing_prevents_will_happen_again() -> None:
    findings = uncontrolled_risks(counts={"P3": 1, "P1": 6}, refs=["INC-9", "INC-8"])
    assert levels(findings) == ["incident_uncontrolled high"]
    assert findings[0].title == "7 open incidents will happen again"
    assert findings[0].why.startswith("INC-9, INC-8 and 5 more (6 P1, 1 P3):")
    assert levels(uncontrolled_risks(counts={"P3": 1}, refs=["INC-1"])) == ["incident_uncontrolled low"]
    assert uncontrolled_risks(counts={}, refs=[]) == []


@pytest.mark.parametrize(
    ("state", "level"),
    [(ControlState.BROKEN, "high"), (ControlState.INEFFECTIVE, "high"), (ControlState.STALE, "medium")],
)
def test_a_control_that_does_not_hold_is_a_risk(state: ControlState, level: str) -> None:
    risk = control_risk(
        ref="CTL-7", title="Budgets", state=state, reason="It failed.", component="billing", incident="INC-1",
        project_id=1,
    )  # fmt: skip
    assert (risk.level, risk.page) == (OpsRiskLevel(level), ("control", "CTL-7"))
    assert "INC-1" in risk.why


def test_the_consoles_jobs_go_together_and_delivery_stands_alone() -> None:
    jobs = [
        ("retention", "Retention", JobStanding("fail", "Failed")),
        ("reconcile", "Reconciliation", JobStanding("warn", "Switched off")),
        ("verdicts", "Verdicts", JobStanding("warn", "Switched off")),
        ("outbox", "Outbox delivery", JobStanding("warn", "Late")),
        ("limits", "Limits", JobStanding("pass", "OK")),
    ]
    assert levels(job_risks(jobs=jobs)) == ["job_failed medium", "job_off low", "job_late high"]
    assert job_risks(jobs=jobs)[1].title == "2 jobs: switched off"
    assert dead_letters_risk(dead=0) == []
    assert dead_letters_risk(dead=2)[0].title == "2 messages given up"
    assert product_job_risk(name="nightly", word="Missed", why="A run was due.", project_id=1).level.value == "high"


def test_required_gates_that_are_not_passed_are_risks() -> None:
    def gate(status: GateStatus, *, required: bool = True) -> GateResult:
        return GateResult(
            key="G5", title="Attainment", required=required, status=status, note="no window yet",
            next_step="start it", waiting_for=(), criteria=(),
        )  # fmt: skip

    statuses = (GateStatus.PASS, GateStatus.FAIL, GateStatus.IN_PROGRESS)
    gates = [*(gate(status) for status in statuses), gate(GateStatus.FAIL, required=False)]
    findings = gate_risks(slug="pilot", gates=gates, as_of=NOW.date(), project_id=0)
    assert levels(findings) == ["gate_failed high", "gate_open medium"]
    assert findings[0].why == "No window yet. As of 2026-11-21, to which the program is pinned."
    assert findings[0].todo == "Start it."
    assert findings[0].page == ("program-gate", "pilot", "G5")
