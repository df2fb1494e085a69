"""A gate's status follows from its evidence (requirements 370 and 378)."""

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readiness.programs.services.definition import Comparator, CriterionDefinition, GateDefinition
from readiness.programs.services.facts import AttestationFact, Claim, EvidenceFact, Outcome
from readiness.programs.services.freshness import evidence_from_future
from readiness.programs.services.gates import GateResult, GateStatus, gate_cycle, gates_evaluate
from tests.programs.examples import NOW, attestation, evidence, gate


def evaluate(gates: list[GateDefinition], *words: AttestationFact) -> dict[str, GateResult]:
    known = {word.criterion: word for word in words}
    return {g.key: g for g in gates_evaluate(gates=gates, attestations=known, at=NOW, max_age_days=90)}


def status(*words: AttestationFact, **fields: Any) -> GateStatus:
    return evaluate([gate("G1", **fields)], *words)["G1"].status


def test_it_passes_on_fresh_attested_evidence() -> None:
    assert status(attestation("G1", evidence())) is GateStatus.PASS


@pytest.mark.parametrize(
    "words",
    [
        [],
        [attestation("G1")],
        [attestation("G1", evidence(), claim=Claim.NOTED)],
        [attestation("G1", evidence(outcome=Outcome.SKIPPED))],
        [attestation("G1", evidence(valid_until=NOW - timedelta(seconds=1)))],
        [attestation("G1", evidence(collected_at=NOW - timedelta(days=91)))],
        [attestation("G1", evidence(), evidence("EV-2", valid_until=NOW - timedelta(days=1)))],
        [attestation("G2", evidence())],
    ],
    ids=["no word", "no evidence", "only noted", "skipped", "expired", "old", "one of two stale", "another gate's"],
)
def test_missing_stale_or_skipped_evidence_is_in_progress(words: list[AttestationFact]) -> None:
    assert status(*words) is GateStatus.IN_PROGRESS


@pytest.mark.parametrize(
    "word",
    [
        attestation("G1", evidence(outcome=Outcome.FAILED)),
        attestation("G1", evidence(), evidence("EV-2", outcome=Outcome.FAILED)),
        attestation("G1", evidence(), claim=Claim.NOT_MET),
    ],
    ids=["failed", "one of two failed", "attested as not met"],
)
def test_what_was_shown_to_be_wrong_fails(word: AttestationFact) -> None:
    assert status(word) is GateStatus.FAIL


def test_every_criterion_has_to_be_met() -> None:
    criteria = tuple(CriterionDefinition(key=f"G6.{n}", text=f"Part {n}", unmet=f"part {n} missing") for n in (1, 2))
    g6 = GateDefinition(key="G6", title="Operational readiness", criteria=criteria)
    half = evaluate([g6], attestation("G6.1", evidence()))["G6"]
    assert (half.status, half.note) == (GateStatus.IN_PROGRESS, "part 2 missing")
    whole = evaluate([g6], attestation("G6.1", evidence()), attestation("G6.2", evidence()))["G6"]
    assert whole.status is GateStatus.PASS


def test_a_gate_that_asks_for_nothing_does_not_pass() -> None:
    assert evaluate([GateDefinition(key="G1", title="Empty", criteria=())])["G1"].status is GateStatus.IN_PROGRESS


@pytest.mark.parametrize("order", [("G5", "G7"), ("G7", "G5")], ids=["after", "before"])
def test_it_waits_for_another_gate_whatever_is_attached_to_it(order: tuple[str, str]) -> None:
    waits = {"G5": (), "G7": ("G5",)}
    gates = [gate(key, waits_for=waits[key]) for key in order]
    waiting = evaluate(gates, attestation("G7", evidence()))["G7"]
    assert (waiting.status, waiting.note, waiting.next_step) == (GateStatus.IN_PROGRESS, "waits for G5", "")
    both = evaluate(gates, attestation("G7", evidence()), attestation("G5", evidence()))
    assert both["G7"].status is GateStatus.PASS


def test_a_waiting_gate_that_failed_says_so() -> None:
    gates = [gate("G5"), gate("G7", waits_for=("G5",))]
    assert evaluate(gates, attestation("G7", evidence(outcome=Outcome.FAILED)))["G7"].status is GateStatus.FAIL


def measured(comparator: Comparator, threshold: str, **fields: Any) -> dict[str, Any]:
    return {"criterion": {"comparator": comparator, "threshold": Decimal(threshold), **fields}}


@pytest.mark.parametrize(
    ("comparator", "value", "passes"),
    [
        (Comparator.AT_LEAST, "45", True),
        (Comparator.AT_LEAST, "44.999999", False),
        (Comparator.AT_MOST, "45.0", True),
        (Comparator.AT_MOST, "45.000001", False),
        (Comparator.ABOVE, "45", False),
        (Comparator.ABOVE, "45.01", True),
        (Comparator.BELOW, "45", False),
        (Comparator.EQUALS, "45.00", True),
        (Comparator.EQUALS, "0", False),
    ],
)
def test_a_measured_criterion_is_judged_by_its_value(comparator: Comparator, value: str, passes: bool) -> None:
    word = attestation("G1", evidence(value=Decimal(value)), claim=Claim.NOTED)
    expected = GateStatus.PASS if passes else GateStatus.FAIL
    assert status(word, **measured(comparator, "45")) is expected


def test_a_measured_criterion_needs_a_value_in_its_own_unit() -> None:
    asks = measured(Comparator.BELOW, "150", unit="ms")
    assert status(attestation("G1", evidence()), **asks) is GateStatus.IN_PROGRESS
    assert status(attestation("G1", evidence(value=Decimal("0.2"), unit="s")), **asks) is GateStatus.IN_PROGRESS
    assert status(attestation("G1", evidence(value=Decimal("0.2"), unit="ms")), **asks) is GateStatus.PASS


def test_a_criterion_may_ask_for_younger_evidence() -> None:
    old = attestation("G1", evidence(collected_at=NOW - timedelta(days=8)))
    assert status(old) is GateStatus.PASS
    assert status(old, criterion={"max_age_days": 7}) is GateStatus.IN_PROGRESS


def test_evidence_comes_from_the_past() -> None:
    assert not evidence_from_future(collected_at=NOW, now=NOW)
    assert not evidence_from_future(collected_at=NOW + timedelta(minutes=4), now=NOW)
    assert evidence_from_future(collected_at=NOW + timedelta(minutes=6), now=NOW)


PIECES = st.builds(
    evidence,
    outcome=st.sampled_from(Outcome),
    collected_at=st.sampled_from([NOW, NOW - timedelta(days=200)]),
    valid_until=st.sampled_from([None, NOW + timedelta(days=1), NOW - timedelta(days=1)]),
)


@given(st.lists(PIECES, max_size=4), st.sampled_from(Claim))
def test_a_pass_always_rests_on_fresh_unfailed_evidence(pieces: list[EvidenceFact], claim: Claim) -> None:
    result = evaluate([gate("G1")], attestation("G1", *pieces, claim=claim))["G1"]
    sound = bool(pieces) and all(
        p.outcome in (Outcome.PASSED, Outcome.NONE)
        and p.collected_at == NOW
        and (p.valid_until is None or p.valid_until > NOW)
        for p in pieces
    )
    assert (result.status is GateStatus.PASS) == (sound and claim is Claim.MET)


KEYS = [f"G{n}" for n in range(1, 7)]


@given(st.dictionaries(st.sampled_from(KEYS), st.lists(st.sampled_from(KEYS), max_size=3), min_size=1))
def test_a_circle_is_found_exactly_when_there_is_one(waits_for: dict[str, list[str]]) -> None:
    circle = gate_cycle(waits_for=waits_for)
    if circle:
        assert circle[0] == circle[-1]
        assert all(after in waits_for[before] for before, after in pairwise(circle))
    else:  # then the gates can be laid out one after the other
        settled: set[str] = set()
        pending = dict(waits_for)
        while pending:
            free = [key for key, waits in pending.items() if set(waits) <= settled | (set(KEYS) - set(waits_for))]
            assert free
            settled |= set(free)
            pending = {key: waits for key, waits in pending.items() if key not in free}
