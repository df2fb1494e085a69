"""The packet's own story, through the pure rules: 68.75 of 80.00, four blockers, and the way to exactly 80.00."""

from dataclasses import replace
from datetime import date

from readiness.programs.services.evaluation import Evaluation, program_evaluate
from readiness.programs.services.facts import Outcome, ProgramFacts
from readiness.programs.services.verdict import VerdictWord
from readiness.programs.services.wording import verdict_sentence
from tests.factories import library_program
from tests.programs.examples import AS_OF, NOW, attestation, document_facts, evidence, incident


def evaluate(facts: ProgramFacts, as_of: date | None = AS_OF) -> Evaluation:
    return program_evaluate(program=library_program().definition, facts=facts, now=NOW, as_of=as_of)


def test_the_packet_is_no_go_with_four_computed_blockers() -> None:
    result = evaluate(document_facts(library_program()))
    assert result.rubric is not None
    assert result.verdict is VerdictWord.NO_GO
    assert (str(result.rubric.total), str(result.rubric.threshold), str(result.rubric.gap)) == (
        "68.75",
        "80.00",
        "11.25",
    )
    assert [(b.kind, b.ref) for b in result.blockers] == [
        ("score", "rubric"),
        ("gate", "G5"),
        ("gate", "G6"),
        ("gate", "G7"),
    ]
    assert [g.status.value for g in result.gates] == ["PASS"] * 4 + ["IN_PROGRESS"] * 3
    assert result.gates[6].note == "waits for G5"
    assert result.next_review == date(2026, 2, 23)
    assert len(result.warnings) == 2
    assert result.earliest == date(2026, 3, 2)
    assert verdict_sentence(result) == "for Phase 2 entry: the score is under its threshold and three gates wait."


def test_two_better_scores_reach_exactly_80_and_the_gates_still_block() -> None:
    facts = document_facts(library_program(), scores={"reliability": 3, "measurement": 4})
    result = evaluate(facts)
    assert str(result.rubric and result.rubric.total) == "80.00"
    assert [b.ref for b in result.blockers] == ["G5", "G6", "G7"]
    assert result.verdict is VerdictWord.NO_GO


def test_a_gate_that_failed_is_told_apart_from_those_that_wait() -> None:
    facts = document_facts(library_program())
    broken = attestation("G4", evidence("EV-18", title="Flaky run", outcome=Outcome.FAILED))
    kept = tuple(word for word in facts.attestations if word.criterion != "G4")
    result = evaluate(replace(facts, attestations=(*kept, broken)))
    assert [(b.ref, b.failed) for b in result.blockers][1:3] == [("G4", True), ("G5", False)]
    assert result.blockers[1].text == "CI and test gate minimums: Flaky run (EV-18) failed"
    assert verdict_sentence(result).endswith("one gate fails and three gates wait.")


def test_without_attestations_nothing_passes() -> None:
    result = evaluate(ProgramFacts(), as_of=None)
    assert result.verdict is VerdictWord.NO_GO
    assert [b.ref for b in result.blockers] == ["rubric", "G1", "G2", "G3", "G4", "G5", "G6", "G7"]
    assert str(result.rubric and result.rubric.total) == "0.00"
    assert result.uplift is not None
    assert result.uplift.steps == ()


def test_its_evidence_goes_stale_when_it_is_judged_as_of_a_later_day() -> None:
    facts = document_facts(library_program())
    later = evaluate(facts, as_of=date(2026, 6, 1))
    assert all(g.status.value == "IN_PROGRESS" for g in later.gates)
    assert str(later.rubric and later.rubric.total) == "0.00"


def test_an_open_incident_comes_after_the_gates() -> None:
    facts = replace(document_facts(library_program()), incidents=(incident("P0", ref="INC-9"),))
    assert [b.ref for b in evaluate(facts).blockers] == ["rubric", "G5", "G6", "G7", "INC-9"]
