"""Importing: idempotent, replaces the definition, keeps what people said; on both databases."""

import pytest

from readiness.infra.refusals import Invalid, NotFound
from readiness.programs import store
from readiness.programs.models import Attestation, Evidence, Gate, Program, ScoreChange, Verdict
from readiness.programs.services.facts import Claim
from readiness.programs.services.program_file import ProgramFile, program_read
from readiness.programs.workflows import (
    ImportResult,
    gate_attest,
    program_export,
    program_import,
    program_unpin,
    score_set,
    verdict_evaluate,
)
from tests.factories import ANYBODY, a_draft, a_program, library_program
from tests.programs.examples import LIBRARY_BYTES

pytestmark = pytest.mark.django_db


def load(file: ProgramFile, *, example: bool = True) -> ImportResult:
    return program_import(definition=file.definition, example=file.example, load_example=example, actor=ANYBODY)


def changed(before: str, after: str) -> ProgramFile:
    text = LIBRARY_BYTES.decode()
    assert before in text
    return program_read(name="x", raw=text.replace(before, after, 1).encode())


def test_the_definition_reads_back_from_its_rows() -> None:
    a_program()
    assert program_export(slug="phase-1-exit") == library_program().definition


def test_with_the_example_it_tells_the_packets_story() -> None:
    a_program()
    evaluation = verdict_evaluate(slug="phase-1-exit").evaluation
    assert str(evaluation.rubric and evaluation.rubric.total) == "68.75"
    assert [b.ref for b in evaluation.blockers] == ["rubric", "G5", "G6", "G7"]
    assert all(category.evidence for category in evaluation.rubric.categories) if evaluation.rubric else False


def test_without_the_example_nothing_is_attested() -> None:
    a_program(example=False)
    evaluation = verdict_evaluate(slug="phase-1-exit").evaluation
    assert evaluation.as_of is None
    assert [b.ref for b in evaluation.blockers] == ["rubric", "G1", "G2", "G3", "G4", "G5", "G6", "G7"]
    assert not Evidence.objects.exists()


def test_twice_changes_nothing() -> None:
    load(library_program())
    counts = [model.objects.count() for model in (Attestation, Evidence, Gate, ScoreChange, Verdict)]
    again = load(library_program())
    assert (again.made, again.changed, again.loaded, again.kept) == (False, False, 0, 0)
    assert [model.objects.count() for model in (Attestation, Evidence, Gate, ScoreChange, Verdict)] == counts


def test_the_example_can_come_later() -> None:
    load(library_program(), example=False)
    assert load(library_program()).loaded == 15
    assert str(Program.objects.get().as_of) == "2026-02-19"


def test_what_an_import_loaded_follows_the_file() -> None:
    load(library_program())
    better = changed("score: 2, evidence: [execution-rubric]", "score: 3, evidence: [execution-rubric]")
    again = load(better)
    assert (again.changed, again.loaded) == (False, 1)
    assert str(again.view.evaluation.rubric and again.view.evaluation.rubric.total) == "75.00"


def test_what_a_person_said_since_is_kept() -> None:
    a_program()
    score_set(
        slug="phase-1-exit", category="reliability", score=3, evidence=[], new=a_draft("The window"), actor=ANYBODY
    )
    gate_attest(
        slug="phase-1-exit", criterion="G6.3", claim=Claim.MET, evidence=[], new=a_draft("Links"), actor=ANYBODY
    )
    again = load(library_program())
    assert (again.loaded, again.kept) == (0, 2)
    assert str(again.view.evaluation.rubric and again.view.evaluation.rubric.total) == "75.00"
    assert again.view.evaluation.gates[5].status == "PASS"


def test_a_new_definition_keeps_attestations_and_retires_what_is_gone() -> None:
    a_program()
    text = LIBRARY_BYTES.decode().replace("title: Abuse and safety controls", "title: Abuse controls")
    start, end = text.index("  - key: G7"), text.index("rubric:")
    file = program_read(name="x", raw=(text[:start] + text[end:].partition("example:")[0]).encode())
    result = load(file, example=False)
    gates = {gate.key: gate for gate in result.view.evaluation.gates}
    assert result.changed
    assert list(gates) == ["G1", "G2", "G3", "G4", "G5", "G6"]
    assert (gates["G3"].title, gates["G3"].status.value) == ("Abuse controls", "PASS")
    assert Gate.objects.get(key="G7").retired
    assert [b.ref for b in result.view.evaluation.blockers] == ["rubric", "G5", "G6"]
    assert load(library_program()).view.evaluation.gates[6].key == "G7"


def test_an_example_that_the_file_lacks_is_refused_and_nothing_is_written() -> None:
    file = program_read(name="x", raw=LIBRARY_BYTES.decode().partition("example:")[0].encode())
    with pytest.raises(Invalid, match="has no `example`"):
        load(file)
    assert not Program.objects.exists()


def test_unpinned_it_is_judged_as_of_today() -> None:
    a_program()
    view = program_unpin(slug="phase-1-exit", actor=ANYBODY)
    assert view.evaluation.as_of is None
    assert view.evaluation.next_review is not None
    assert view.evaluation.next_review > view.evaluation.evaluated_at.date()
    with pytest.raises(NotFound):
        program_unpin(slug="other", actor=ANYBODY)


def test_the_main_program_is_the_first_one() -> None:
    first = a_program()
    load(changed("program: phase-1-exit", "program: second"), example=False)
    main = store.program_main()
    assert main is not None
    assert main.pk == first.pk
