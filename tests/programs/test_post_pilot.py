"""The review after a pilot (requirement 359): five points, of which the console answers two from its own records."""

import pytest
from django.test import Client

from incidents.lessons.workflows import lesson_write
from readiness.programs.services.definition import Computed
from readiness.programs.services.evidence import EvidenceDraft
from readiness.programs.services.facts import Claim
from readiness.programs.services.gates import GateStatus
from readiness.programs.services.log_review import log_review_facts
from readiness.programs.services.program_file import LIBRARY, program_read
from readiness.programs.workflows import gate_attest, program_import, verdict_evaluate
from tests.factories import (
    ANYBODY,
    a_control,
    a_draft,
    a_post_mortem,
    a_proven_control,
    a_root_cause,
    an_engineer,
    an_incident,
)

SLUG = "post-pilot-review"


def imported() -> None:
    file = program_read(name=f"{SLUG}.yaml", raw=(LIBRARY / f"{SLUG}.yaml").read_bytes())
    program_import(definition=file.definition, example=None, load_example=False, actor=ANYBODY)


def reasons() -> dict[str, str]:
    gates = verdict_evaluate(slug=SLUG).evaluation.gates
    return {c.key: "" if c.status == "met" else c.reason for gate in gates for c in gate.criteria}


# --- without a database -------------------------------------------------------------------------------------------


def test_it_names_the_five_points_of_the_document() -> None:
    raw = (LIBRARY / f"{SLUG}.yaml").read_bytes()
    gates = program_read(name="x", raw=raw).definition.gates
    assert [gate.title for gate in gates] == [
        "Exit criteria", "Incident log", "User feedback", "Performance metrics", "Lessons learned",
    ]  # fmt: skip


def test_it_takes_an_empty_log_for_no_reviewed_one() -> None:
    facts = log_review_facts(
        recorded=False, undiagnosed=(), without_post_mortem=(), without_lesson=(), without_control=()
    )
    assert {(fact.met, fact.known) for fact in facts.values()} == {(False, False)}


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        (1, "1 has no lesson: INC-1"),
        (5, "5 have no lesson: INC-1, INC-2, INC-3 and 2 more"),
        (101, "over 100 have no lesson: INC-1, INC-2, INC-3, …"),
    ],
)
def test_it_names_what_is_missing(missing: int, says: str) -> None:
    names = [f"INC-{number}" for number in range(1, missing + 1)]
    facts = log_review_facts(
        recorded=True, undiagnosed=(), without_post_mortem=(), without_lesson=names, without_control=()
    )
    assert facts[Computed.LESSONS].text == says
    assert facts[Computed.LOG_DIAGNOSED].met


# --- on the database ----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_passes_once_the_log_is_reviewed_and_the_rest_is_attested() -> None:
    imported()
    an_incident(incident={"synthetic": True, "priority": "P0"})
    an_incident(project_id=0, incident={"priority": "P2"})  # the console's own
    assert "no real incident was ever recorded" in reasons()["R2.1"]
    an_incident(incident={"priority": "P3"})
    grave = an_incident(incident={"priority": "P1", "status": "closed"})  # an open one blocks by itself
    minor = an_incident(incident={"priority": "P2"})
    assert reasons() == {
        "R1": "nobody has shown that the exit criteria are met",
        "R2.1": f"2 have no root cause with evidence: {grave.public_id}, {minor.public_id}",
        "R2.2": f"1 has no post-mortem: {grave.public_id}",
        "R3": "no feedback is attached",
        "R4": "no analysis is attached",
        "R5.1": f"1 has no lesson: {grave.public_id}",
        "R5.2": f"2 have no control: {grave.public_id}, {minor.public_id}",
    }
    a_proven_control(incident=grave)
    a_post_mortem(incident=grave)
    lesson_write(incident_id=grave.pk, believed="A", was_true="B", do_now="C", actor=ANYBODY)
    a_root_cause(incident=minor)
    a_control(incident=minor, kind="playbook", command="", check_first="The gateway.")
    drafts: list[EvidenceDraft] = [a_draft(title) for title in ("Verdict", "Survey", "Latencies")]
    for criterion, draft in zip(("R1", "R3", "R4"), drafts, strict=True):
        gate_attest(slug=SLUG, criterion=criterion, claim=Claim.MET, evidence=[], new=draft, actor=ANYBODY)
    evaluation = verdict_evaluate(slug=SLUG).evaluation
    assert {gate.status for gate in evaluation.gates} == {GateStatus.PASS}
    assert evaluation.verdict.value == "GO"
    later = an_incident(incident={"priority": "P2"})
    assert later.public_id in reasons()["R2.1"]


@pytest.mark.once
@pytest.mark.django_db
def test_it_is_read_on_its_pages(client: Client) -> None:
    imported()
    incident = an_incident(incident={"priority": "P0"})
    client.force_login(an_engineer())
    shown = client.get(f"/programs/{SLUG}/").content.decode()
    assert f"1 has no post-mortem: {incident.public_id}" in shown
    assert "Nobody attests to R2.1" in client.get(f"/programs/{SLUG}/gates/R2/").content.decode()
