"""May an incident be closed? DESIGN's rule with its reasons."""

import pytest

from incidents.lessons.services.closing import ControlFact, incident_closing_evaluate
from incidents.lessons.services.control_state import ControlKind, ControlState

CHECK, RULE, PLAYBOOK = ControlKind.CHECK, ControlKind.RULE, ControlKind.PLAYBOOK
NOTE = ControlFact("CTL-1", PLAYBOOK, ControlState.RECORDED)


@pytest.mark.parametrize("priority", ["P0", "P1", ""])
def test_it_asks_a_grave_incident_for_everything(priority: str) -> None:
    verdict = incident_closing_evaluate(priority=priority, has_root_cause=False, has_lesson=False, controls=())
    assert not verdict.allowed
    assert verdict.will_recur
    assert [m.part for m in verdict.missing] == ["root_cause", "lesson", "control"]


@pytest.mark.parametrize("kind", [CHECK, RULE])
@pytest.mark.parametrize("state", [s for s in ControlState if s not in ("proven", "recorded")])
def test_it_refuses_a_grave_incident_without_a_proof(kind: ControlKind, state: ControlState) -> None:
    control = ControlFact("CTL-7", kind, state)
    verdict = incident_closing_evaluate(priority="P1", has_root_cause=True, has_lesson=True, controls=(NOTE, control))
    assert not verdict.allowed
    assert not verdict.will_recur
    assert "CTL-7" in verdict.reason


def test_it_refuses_a_grave_incident_with_a_playbook_entry_alone() -> None:
    verdict = incident_closing_evaluate(priority="P0", has_root_cause=True, has_lesson=True, controls=(NOTE,))
    assert not verdict.allowed
    assert "P0" in verdict.reason


@pytest.mark.parametrize("kind", [CHECK, RULE])
@pytest.mark.parametrize("priority", ["P0", "P1", "P2", "P3"])
def test_it_closes_with_a_proven_control(priority: str, kind: ControlKind) -> None:
    control = ControlFact("CTL-7", kind, ControlState.PROVEN)
    assert incident_closing_evaluate(
        priority=priority, has_root_cause=True, has_lesson=True, controls=(control,)
    ).allowed


@pytest.mark.parametrize("priority", ["P2", "P3"])
def test_it_closes_a_lesser_incident_with_a_playbook_entry(priority: str) -> None:
    assert incident_closing_evaluate(
        priority=priority, has_root_cause=False, has_lesson=False, controls=(NOTE,)
    ).allowed
    bare = incident_closing_evaluate(priority=priority, has_root_cause=True, has_lesson=True, controls=())
    assert not bare.allowed
    assert "will happen again" in bare.reason
