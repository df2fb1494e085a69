"""The table of an incident's life: every state answers every move, and a refusal says why and what to do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.triage.services.life import STATES, TRANSITIONS, Move, life_move, reopened_status
from incidents.triage.services.severity import OPEN_STATES
from readiness.infra.refusals import Conflict

OVER = {"prevented", "closed"}


@given(st.sampled_from(STATES), st.sampled_from(Move))
def test_every_move_leads_somewhere_or_says_why_not_and_what_to_do(status: str, move: Move) -> None:
    if (status, move) in TRANSITIONS:
        assert life_move(name="INC-12", status=status, move=move) in STATES
        return
    with pytest.raises(Conflict) as refusal:
        life_move(name="INC-12", status=status, move=move)
    assert refusal.value.detail.startswith("INC-12 was not ")
    assert refusal.value.detail.count(".") >= 2, "why, and then what to do"


@given(st.lists(st.sampled_from(Move), max_size=30))
def test_no_way_leads_out_of_the_life(moves: list[Move]) -> None:
    status, ended = "detected", False
    for move in moves:
        try:
            status = life_move(name="INC-1", status=status, move=move)
        except Conflict:
            continue
        assert status != "merged", "only a merge makes it merged"
        assert (move is Move.RECUR) <= ended, "only what was over comes back"
        ended = status in OVER
    assert status in {*OPEN_STATES, *OVER}


@given(st.sampled_from(OPEN_STATES))
def test_whatever_is_open_can_be_closed_and_what_is_closed_reopened(status: str) -> None:
    closed = life_move(name="INC-1", status=status, move=Move.CLOSE)
    assert closed == "closed"
    assert life_move(name="INC-1", status=closed, move=Move.REOPEN) == "diagnosed"


@pytest.mark.parametrize(("diagnosed", "status"), [(True, "diagnosed"), (False, "acknowledged")])
def test_a_reopened_one_goes_on_where_it_was(diagnosed: bool, status: str) -> None:
    assert reopened_status(diagnosed=diagnosed) == status


def test_a_merged_one_refuses_everything() -> None:
    for move in Move:
        with pytest.raises(Conflict, match="part of another incident"):
            life_move(name="INC-1", status="merged", move=move)
