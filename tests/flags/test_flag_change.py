"""Who may change a flag to what: the pure half of set, kill and restore."""

from decimal import Decimal

import pytest

from flags.services.changes import (
    FlagEdit,
    FlagState,
    flag_change_define,
    flag_change_edit,
    flag_change_kill,
    flag_change_remove,
    flag_change_restore,
)
from flags.services.values import FlagType
from readiness.infra.actor import SYSTEM, Actor
from readiness.infra.refusals import Conflict, Forbidden, Invalid

ADA = Actor(kind="person", name="ada@example.test", id=1)
ON = FlagState(type=FlagType.BOOLEAN, value=True, safe_value=False, visibility="public", version=4)
INTERVAL = FlagState(type=FlagType.INTEGER, value=900, minimum=Decimal(1), maximum=Decimal(86_400), version=1)
AUTOMATION = (SYSTEM, Actor(kind="key", name="ci", id=2), Actor(kind="job", name="nightly"))


def test_it_records_only_what_changed() -> None:
    change = flag_change_edit(state=ON, edit=FlagEdit(value=False), expected_version=4, actor=ADA, reason=" spend ")
    assert (change.before, change.after) == ({"value": True}, {"value": False})
    assert (change.action, change.reason, change.state.version) == ("set", "spend", 5)
    edit = FlagEdit(value=300, maximum=Decimal("3600.0"), description="slower", minimum=None)
    change = flag_change_edit(state=INTERVAL, edit=edit, expected_version=1, actor=ADA, reason="")
    assert change.before == {"value": 900, "description": "", "minimum": "1", "maximum": "86400"}
    assert change.after == {"value": 300, "description": "slower", "minimum": None, "maximum": "3600"}


def test_it_makes_nothing_of_an_edit_that_changes_nothing() -> None:
    change = flag_change_edit(state=ON, edit=FlagEdit(value=True), expected_version=4, actor=ADA, reason="")
    assert not change.anything
    assert change.state == ON


def test_it_tells_json_true_from_one_inside_objects() -> None:
    state = FlagState(type=FlagType.OBJECT, value={"on": 1}, version=1)
    change = flag_change_edit(state=state, edit=FlagEdit(value={"on": True}), expected_version=1, actor=ADA, reason="")
    assert change.anything


@pytest.mark.parametrize("expected", [3, 5, 0])
def test_it_refuses_who_saw_another_version(expected: int) -> None:
    with pytest.raises(Conflict, match="Somebody changed this flag while you were editing"):
        flag_change_edit(state=ON, edit=FlagEdit(value=False), expected_version=expected, actor=ADA, reason="")


@pytest.mark.parametrize(
    ("edit", "pointer"),
    [
        (FlagEdit(value=0), "/value"),
        (FlagEdit(value="900"), "/value"),
        (FlagEdit(value=True), "/value"),
        (FlagEdit(safe_value=90_000), "/safe_value"),
        (FlagEdit(minimum=Decimal(901)), "/value"),
        (FlagEdit(minimum=Decimal(90_000)), "/minimum"),
        (FlagEdit(description="x" * 501), "/description"),
        (FlagEdit(visibility="secret"), "/visibility"),  # type: ignore[typeddict-item]  # what a hand-made form may send
    ],
)
def test_it_points_at_the_field_that_does_not_fit(edit: FlagEdit, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        flag_change_edit(state=INTERVAL, edit=edit, expected_version=1, actor=ADA, reason="")
    assert refused.value.errors[0].pointer == pointer


def test_it_kills_to_the_declared_safe_variant_and_restores() -> None:
    killed = flag_change_kill(state=ON, reason="INC-12").state
    assert (killed.killed, killed.value, killed.version) == (True, True, 5)
    assert not flag_change_kill(state=killed, reason="again").anything
    restored = flag_change_restore(state=killed, actor=ADA, reason="fixed")
    assert (restored.state.killed, restored.state.value, restored.action) == (False, True, "restored")
    assert not flag_change_restore(state=ON, actor=ADA, reason="nothing to do").anything


def test_it_kills_only_what_declares_a_safe_variant_and_only_with_a_reason() -> None:
    with pytest.raises(Conflict, match="no safe variant"):
        flag_change_kill(state=INTERVAL, reason="x")
    with pytest.raises(Invalid, match="Say why"):
        flag_change_kill(state=ON, reason="  ")
    with pytest.raises(Invalid, match="within 500"):
        flag_change_kill(state=ON, reason="x" * 501)


def test_it_leaves_a_killed_flag_killed() -> None:
    killed = flag_change_kill(state=ON, reason="INC-12").state
    for edit in (FlagEdit(value=False), FlagEdit(safe_value=None)):
        with pytest.raises(Conflict, match="killed"):
            flag_change_edit(state=killed, edit=edit, expected_version=5, actor=ADA, reason="")
    with pytest.raises(Conflict, match="Restore it first"):
        flag_change_remove(state=killed, expected_version=5, actor=ADA, reason="")
    described = flag_change_edit(
        state=killed, edit=FlagEdit(description="why"), expected_version=5, actor=ADA, reason=""
    )
    assert described.state.killed


@pytest.mark.parametrize("automation", AUTOMATION)
def test_it_lets_automation_turn_things_off_only(automation: Actor) -> None:
    with pytest.raises(Forbidden, match="only turn things off"):
        flag_change_edit(state=ON, edit=FlagEdit(value=False), expected_version=4, actor=automation, reason="")
    with pytest.raises(Forbidden):
        flag_change_restore(state=ON, actor=automation, reason="x")
    with pytest.raises(Forbidden):
        flag_change_define(state=ON, actor=automation, reason="x")
    with pytest.raises(Forbidden):
        flag_change_remove(state=ON, expected_version=4, actor=automation, reason="x")
