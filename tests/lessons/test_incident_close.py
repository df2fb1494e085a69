"""Closing is refused, with the reason, until the rule holds."""

import pytest

from incidents.lessons.models import Control
from incidents.lessons.workflows import (
    incident_close,
    incident_prevent,
    incident_story_read,
    incidents_needing_a_person,
    lesson_write,
)
from incidents.triage.models import Incident
from incidents.triage.store import timeline_of
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import atomic_write
from tests.factories import ANYBODY, a_control, a_post_mortem, a_proven_control, a_root_cause, an_incident

pytestmark = pytest.mark.django_db


def learn(incident: Incident) -> None:
    a_root_cause(incident=incident)
    lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)


@pytest.mark.parametrize("use_case", [incident_prevent, incident_close])
def test_it_refuses_a_grave_incident_too_early_and_says_what_is_missing(use_case: object) -> None:
    incident = an_incident(incident={"priority": "P1"})
    with pytest.raises(Conflict) as refusal:
        use_case(incident_id=incident.pk, actor=ANYBODY)  # type: ignore[operator]
    asked = ["/root_cause", "/lesson", *(["/post_mortem"] if use_case is incident_close else []), "/control"]
    assert [error.pointer for error in refusal.value.errors] == asked
    learn(incident)
    a_control(incident=incident, kind="playbook", command="", never_again="Retry a charge.")
    control = a_control(incident=incident)
    with pytest.raises(Conflict, match=f"{control.public_id} is unproven"):
        use_case(incident_id=incident.pk, actor=ANYBODY)  # type: ignore[operator]
    assert Incident.objects.get(pk=incident.pk).status == "diagnosed"


def test_it_closes_a_grave_incident_once_a_control_is_proven() -> None:
    incident = an_incident(incident={"priority": "P0"})
    learn(incident)
    control = a_proven_control(incident=incident)
    assert incident_prevent(incident_id=incident.pk, actor=ANYBODY).status == "prevented"
    assert [item.code for item in incidents_needing_a_person()] == ["post_mortem"]
    story = incident_story_read(incident_id=incident.pk)
    assert (story.next_step.code, story.closing.allowed) == ("post_mortem", False)
    with atomic_write():  # what held then holds no more, and that is mended first
        Control.objects.update(progress={**control.progress, "failing_commit": "1" * 40})
    broken = incident_story_read(incident_id=incident.pk).next_step
    assert (broken.code, f"{control.public_id} is broken" in broken.text) == ("prove", True)
    with atomic_write():
        Control.objects.update(progress=control.progress)
    with pytest.raises(Conflict, match="already"):
        incident_prevent(incident_id=incident.pk, actor=ANYBODY)
    with pytest.raises(Conflict, match="No post-mortem is written, and a P0 needs one"):
        incident_close(incident_id=incident.pk, actor=ANYBODY)
    a_post_mortem(incident=incident)
    assert incident_story_read(incident_id=incident.pk).next_step.code == "close"
    assert incident_close(incident_id=incident.pk, actor=ANYBODY).status == "closed"
    with pytest.raises(Conflict, match="already"):
        incident_close(incident_id=incident.pk, actor=ANYBODY)
    assert [entry.kind for entry in timeline_of(incident.pk)][-3:] == ["prevented", "post-mortem", "closed"]


def test_it_closes_a_lesser_incident_with_a_playbook_entry_alone() -> None:
    incident = an_incident(incident={"priority": "P2"})
    with pytest.raises(Conflict, match="will happen again"):
        incident_close(incident_id=incident.pk, actor=ANYBODY)
    a_control(incident=incident, kind="playbook", command="", check_first="The gateway.")
    assert incident_close(incident_id=incident.pk, actor=ANYBODY).status == "closed"
    closed = Incident.objects.get(pk=incident.pk)
    assert closed.prevented_at == closed.closed_at


def test_it_closes_no_unknown_incident() -> None:
    with pytest.raises(NotFound):
        incident_close(incident_id=0, actor=ANYBODY)


def test_it_lists_what_needs_a_person_gravest_first(django_assert_num_queries: object) -> None:
    lesser = an_incident(incident={"priority": "P3"})
    grave = an_incident(incident={"priority": "P0"})
    done = an_incident(incident={"priority": "P2"})
    an_incident(incident={"priority": "P0", "synthetic": True})
    a_control(incident=done, kind="playbook", command="", check_first="The gateway.")
    incident_close(incident_id=done.pk, actor=ANYBODY)
    a_root_cause(incident=lesser)
    with django_assert_num_queries(4):  # type: ignore[operator]
        found = incidents_needing_a_person()
    assert [(item.incident, item.code) for item in found] == [
        (grave.public_id, "acknowledge"), (lesser.public_id, "control"),
    ]  # fmt: skip
    assert len(incidents_needing_a_person(limit=1)) == 1
