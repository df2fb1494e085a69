"""Phase S: exit criteria that the console computes, what is left alone on purpose, and a program that is frozen."""

from datetime import timedelta

import pytest
import yaml
from django.test import Client

from incidents.lessons.models import Control
from incidents.lessons.workflows.reading.playbook_file import playbook_file_read
from incidents.triage.models import Incident
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Invalid
from readiness.infra.transactions import atomic_write
from readiness.programs.models import Program, Verdict
from readiness.programs.services.definition import Computed, ProgramDefinition
from readiness.programs.services.facts import Claim
from readiness.programs.services.first_contact import first_contact_facts, goal_facts
from readiness.programs.services.gates import GateStatus
from readiness.programs.services.program_file import LIBRARY, program_read, program_write
from readiness.programs.services.program_yaml import ProgramFileError
from readiness.programs.store import program_main
from readiness.programs.workflows import gate_attest, program_import, verdict_evaluate
from readiness.programs.workflows.verdicts import verdicts_record_daily
from tests.factories import ANYBODY, a_program, a_proven_control, an_engineer, an_incident

RAW = (LIBRARY / "phase-s.yaml").read_bytes()
JOB = Actor(kind="job", name="verdicts")


def imported(raw: bytes = RAW, *, example: bool = False) -> Program:
    file = program_read(name="phase-s.yaml", raw=raw)
    return program_import(
        definition=file.definition, example=file.example, load_example=example, actor=ANYBODY
    ).view.program


def statuses() -> dict[str, GateStatus]:
    return {gate.key: gate.status for gate in verdict_evaluate(slug="phase-s").evaluation.gates}


# --- without a database -------------------------------------------------------------------------------------------


def test_it_is_written_and_read_back_the_same() -> None:
    definition: ProgramDefinition = program_read(
        name="x", raw=RAW + b'\nfrozen: {reason: Later., since: "2026-01-01"}\n'
    ).definition
    assert definition.frozen is not None
    assert definition.non_focus[0].item == "Feature polish"
    assert program_read(name="x", raw=program_write(definition).encode()).definition == definition


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (b"frozen: {since: '2026-01-01'}", "reason"),
        (b"frozen: {reason: x, since: '2026-02-31'}", "no day of the calendar"),
        (b"non_focus: [{item: x}]", "reason"),
    ],
)
def test_it_names_the_mistakes_of_a_plan(more: bytes, says: str) -> None:
    head = RAW.split(b"non_focus:")[0]
    with pytest.raises(ProgramFileError, match=says):
        program_read(name="x", raw=head + b"\n" + more + b"\n")


@pytest.mark.parametrize(("minutes", "met"), [(14.99, True), (15, False), (40, False)])
def test_it_takes_less_than_fifteen_minutes_as_in_time(minutes: float, met: bool) -> None:
    took = timedelta(minutes=minutes)
    facts = first_contact_facts(issue="INC-1", diagnosed="INC-1", took=took, prevented="", control="")
    assert facts[Computed.DIAGNOSED].met is met
    assert not facts[Computed.REPLAYED].known
    assert not facts[Computed.PREVENTED].met


def test_it_says_what_the_first_incident_already_has() -> None:
    nothing = goal_facts(issue="", evidence=False, entries=0, diagnosed=False, controls=())
    assert {(fact.met, fact.text) for fact in nothing.values()} == {(False, "no real issue has occurred yet")}
    some = goal_facts(issue="INC-1", evidence=True, entries=1, diagnosed=False, controls=("CTL-2",))
    assert {key: (fact.met, fact.text) for key, fact in some.items()} == {
        Computed.EVIDENCE: (True, "INC-1 has its event"),
        Computed.TIMELINE: (True, "1 entry on the timeline of INC-1"),
        Computed.CAUSE: (False, "the root cause of INC-1 is not written"),
        Computed.PREVENTION: (True, "CTL-2 of INC-1"),
    }


# --- on the database ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_computes_its_exit_criteria_from_real_incidents() -> None:
    imported()
    now = utcnow()
    an_incident(incident={"synthetic": True, "diagnosed_at": now})
    an_incident(project_id=0, incident={"diagnosed_at": now})  # the console's own
    assert set(statuses().values()) == {GateStatus.IN_PROGRESS}
    incident = an_incident()
    assert statuses()["X1"] is GateStatus.PASS
    goal = verdict_evaluate(slug="phase-s").evaluation.gates[-1].criteria
    assert [item.status.value for item in goal] == ["met", "met", "unmet", "unmet"]
    a_proven_control(incident=incident)
    with atomic_write():
        Incident.objects.filter(pk=incident.pk).update(
            detected_at=now - timedelta(minutes=12), diagnosed_at=now, status=Incident.Status.PREVENTED
        )
    view = verdict_evaluate(slug="phase-s")
    assert statuses() == {
        "X1": GateStatus.PASS, "X2": GateStatus.PASS, "X3": GateStatus.IN_PROGRESS, "X4": GateStatus.PASS,
        "GOAL": GateStatus.PASS,
    }  # fmt: skip
    assert "took 12 min" in view.evaluation.gates[1].criteria[0].reason
    assert view.evaluation.verdict.value == "NO-GO"
    with atomic_write():
        Control.objects.update(pass_due_at=now, state=Control.State.STALE)
    assert statuses()["X4"] is GateStatus.IN_PROGRESS
    with pytest.raises(Invalid, match="nobody attests"):
        gate_attest(slug="phase-s", criterion="X3.1", claim=Claim.MET, evidence=[], actor=ANYBODY)


@pytest.mark.django_db
def test_it_shows_what_is_computed_and_what_is_left_alone() -> None:
    imported()
    page = Client()
    page.force_login(an_engineer())
    shown = page.get("/programs/phase-s/").content.decode()
    assert "no real issue has occurred yet" in shown
    assert "Left alone on purpose" in shown
    assert "Downstream of observability" in shown
    assert "Nobody attests to X1.1" in page.get("/programs/phase-s/gates/X1/").content.decode()


@pytest.mark.django_db
def test_it_says_frozen_and_asks_for_no_verdict() -> None:
    imported(example=True)
    page = Client()
    page.force_login(an_engineer())
    shown = page.get("/programs/phase-s/").content.decode()
    assert "FROZEN" in shown
    assert "Return to CI hygiene work" in shown
    assert "L6 infra_error_events" in shown
    assert "PreflightOpsAdapter" in shown
    assert "Why not GO" not in shown
    assert "FROZEN" in page.get("/programs/").content.decode()
    evaluation = verdict_evaluate(slug="phase-s").evaluation
    assert (evaluation.evaluable, evaluation.reviews) == (False, ())
    assert verdicts_record_daily(actor=JOB) == 0
    assert not Verdict.objects.exists()
    other = a_program()
    main = program_main()
    assert main is not None
    assert main.pk == other.pk
    read = yaml.safe_load(playbook_file_read())
    assert read["phases"][0]["status"] == "FROZEN"
    assert read["phases"][0]["deferred"][-1] == "Track 4 (learning loop)"
    assert read["non_focus"][0] == {
        "program": "phase-s",
        "item": "Feature polish",
        "reason": "Downstream of observability",
    }
    page.post("/programs/phase-s/today/")
    assert verdict_evaluate(slug="phase-s").evaluation.frozen is None
    imported(RAW + b"\nfrozen: {reason: Later.}\n")
    assert verdict_evaluate(slug="phase-s").evaluation.frozen is not None
