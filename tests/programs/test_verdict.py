"""Words and blockers follow from rules, in the stated precedence (A2, A8 to A10)."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.blockers import Blocker
from readiness.programs.services.definition import ProgramKind
from readiness.programs.services.evaluation import Evaluation, program_evaluate
from readiness.programs.services.facts import IncidentFact, PilotFacts, ProgramFacts
from readiness.programs.services.verdict import VerdictWord, pilot_verdict, verdict_exit_code
from tests.programs.examples import NOW, attestation, category, definition, evidence, gate, incident, score

MET = ProgramFacts(attestations=(attestation("G1", evidence()),))
PLEASED = PilotFacts(feedback=Decimal("4.1"))
UNMET = Blocker(kind="gate", ref="G1", text="uptime: no evidence attached")


def evaluate(facts: ProgramFacts = MET, **fields: object) -> Evaluation:
    program = definition(**{"gates": (gate("G1"),), **fields})
    return program_evaluate(program=program, facts=facts, now=NOW, as_of=None)


def pilot(*incidents: IncidentFact, unmet: tuple[Blocker, ...] = (), facts: PilotFacts = PLEASED) -> VerdictWord:
    return pilot_verdict(unmet=unmet, incidents=incidents, pilot=facts, evaluable=True)[0]


# --- GO, NO-GO --------------------------------------------------------------------------------------------------------


def test_go_when_nothing_blocks() -> None:
    result = evaluate()
    assert (result.verdict, result.blockers) == (VerdictWord.GO, ())


def test_an_optional_gate_blocks_nothing() -> None:
    assert evaluate(gates=(gate("G1"), gate("G2", required=False))).verdict is VerdictWord.GO


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize("priority", ["P0", "P1"])
def test_an_open_grave_incident_blocks_go_confirmed_or_not(priority: str, confirmed: bool) -> None:
    result = evaluate(replace(MET, incidents=(incident(priority, confirmed=confirmed),)))
    assert result.verdict is VerdictWord.NO_GO
    assert [(b.kind, b.ref) for b in result.blockers] == [("incident", "INC-1")]
    assert ("not yet confirmed" in result.blockers[0].text) is not confirmed


def test_lesser_or_closed_incidents_do_not_block_go() -> None:
    incidents = (incident("P2"), incident("P3"), incident("P0", open=False))
    assert evaluate(replace(MET, incidents=incidents)).verdict is VerdictWord.GO


def test_blockers_come_as_score_then_gates_in_order_then_incidents_by_priority() -> None:
    facts = ProgramFacts(
        scores=(score("one", 3),),
        incidents=(incident("P1", ref="INC-1"), incident("P0", ref="INC-2")),
    )
    result = evaluate(
        facts,
        gates=(gate("G9"), gate("G1")),
        categories=(category("one", 100),),
        threshold=Decimal(80),
    )
    assert [b.ref for b in result.blockers] == ["rubric", "G9", "G1", "INC-2", "INC-1"]


def test_an_empty_program_is_no_go_and_cannot_be_evaluated() -> None:
    for gates in ((), (gate("G1", required=False),)):
        result = evaluate(ProgramFacts(), gates=gates)
        assert (result.verdict, result.evaluable) == (VerdictWord.NO_GO, False)
        assert [b.kind for b in result.blockers] == ["program"]
        assert verdict_exit_code(verdict=result.verdict, evaluable=result.evaluable) == 3


def test_missing_data_is_no_go_and_exit_1() -> None:
    result = evaluate(ProgramFacts(), categories=(category("one", 100),), threshold=Decimal(80))
    assert str(result.rubric and result.rubric.total) == "0.00"
    assert verdict_exit_code(verdict=result.verdict, evaluable=result.evaluable) == 1


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (VerdictWord.GO, 0),
        (VerdictWord.PROCEED, 0),
        (VerdictWord.NO_GO, 1),
        (VerdictWord.EXTEND, 1),
        (VerdictWord.CANCEL, 2),
    ],
)
def test_exit_codes(word: VerdictWord, code: int) -> None:
    assert verdict_exit_code(verdict=word, evaluable=True) == code


# --- PROCEED, EXTEND, CANCEL ------------------------------------------------------------------------------------------


def test_proceed_when_all_is_met() -> None:
    assert pilot() is VerdictWord.PROCEED


@pytest.mark.parametrize(
    "found",
    [
        incident("P0"),
        incident("P1"),
        incident("P3", money_leak=True),
        incident("P2", money_leak=True, open=False),
    ],
    ids=["open P0", "open P1", "money leak", "money leak, fixed"],
)
def test_cancel_comes_before_extend(found: IncidentFact) -> None:
    assert pilot(found) is VerdictWord.CANCEL
    assert pilot(found, unmet=(UNMET,), facts=PilotFacts(rollbacks=1)) is VerdictWord.CANCEL


@pytest.mark.parametrize(
    "found",
    [
        incident("P0", confirmed=False),
        incident("P1", confirmed=False),
        incident("P3", money_leak=True, confirmed=False),
        incident("P0", open=False),
        incident("P1", open=False),
        incident("P2"),
        incident("P3"),
    ],
    ids=["unconfirmed P0", "unconfirmed P1", "unconfirmed leak", "fixed P0", "fixed P1", "open P2", "open P3"],
)
def test_what_extends_a_pilot(found: IncidentFact) -> None:
    assert pilot(found) is VerdictWord.EXTEND


def test_unmet_criteria_rollbacks_and_ratings_extend() -> None:
    assert pilot(unmet=(UNMET,)) is VerdictWord.EXTEND
    assert pilot(facts=replace(PLEASED, rollbacks=1)) is VerdictWord.EXTEND
    assert pilot(facts=PilotFacts(feedback=Decimal("4.0"))) is VerdictWord.EXTEND
    assert pilot(facts=PilotFacts(feedback=None)) is VerdictWord.EXTEND


def test_three_incidents_in_a_week_extend_two_do_not() -> None:
    closed = [incident("P2", ref=f"INC-{n}", open=False) for n in range(3)]
    assert pilot(*closed[:2]) is VerdictWord.PROCEED
    assert pilot(*closed) is VerdictWord.EXTEND
    spread = [replace(one, first_seen=NOW + timedelta(weeks=n)) for n, one in enumerate(closed)]
    assert pilot(*spread) is VerdictWord.PROCEED


def test_a_pilot_without_data_never_proceeds() -> None:
    result = evaluate(ProgramFacts(pilot=PLEASED), kind=ProgramKind.PILOT)
    assert result.verdict is VerdictWord.EXTEND
    nothing = evaluate(ProgramFacts(pilot=PLEASED), kind=ProgramKind.PILOT, gates=())
    assert (nothing.verdict, nothing.evaluable) == (VerdictWord.EXTEND, False)


INCIDENTS = st.builds(
    incident,
    st.sampled_from(["P0", "P1", "P2", "P3"]),
    open=st.booleans(),
    confirmed=st.booleans(),
    money_leak=st.booleans(),
    first_seen=st.integers(0, 30).map(lambda days: NOW + timedelta(days=days)),
)


@given(
    incidents=st.lists(INCIDENTS, max_size=6),
    unmet=st.booleans(),
    rollbacks=st.integers(0, 2),
    feedback=st.one_of(st.none(), st.decimals("0", "5", places=1)),
)
def test_precedence_holds_for_every_combination(
    incidents: list[IncidentFact], unmet: bool, rollbacks: int, feedback: Decimal | None
) -> None:
    word, reasons = pilot_verdict(
        unmet=(UNMET,) if unmet else (),
        incidents=incidents,
        pilot=PilotFacts(rollbacks=rollbacks, feedback=feedback),
        evaluable=True,
    )
    cancelling = any(i.confirmed and (i.money_leak or (i.open and i.priority in ("P0", "P1"))) for i in incidents)
    assert (word is VerdictWord.CANCEL) == cancelling
    assert bool(reasons) == (word is not VerdictWord.PROCEED)
    if word is VerdictWord.PROCEED:
        assert not unmet
        assert not rollbacks
        assert feedback is not None
        assert feedback > 4
        assert not any(i.open or i.priority in ("P0", "P1") or i.money_leak for i in incidents)
    # More trouble never makes the word better.
    worse, _ = pilot_verdict(
        unmet=(UNMET,), incidents=[*incidents, incident("P0")], pilot=PilotFacts(rollbacks=1), evaluable=True
    )
    assert worse is VerdictWord.CANCEL


@given(incidents=st.lists(INCIDENTS, max_size=6))
def test_unconfirmed_events_never_cancel(incidents: list[IncidentFact]) -> None:
    assert pilot(*(replace(i, confirmed=False) for i in incidents)) is not VerdictWord.CANCEL
