"""Two reviewers at once: an edit is accepted once, and every version of the playbook has its own number."""

import pytest

from incidents.lessons.models import PlaybookSection, PlaybookVersion
from incidents.lessons.workflows.playbook import proposal_accept, proposal_make
from readiness.infra.actor import Actor
from readiness.infra.refusals import Conflict
from tests.factories import ANYBODY
from tests.lessons.test_at_once import WRITERS, at_once

pytestmark = pytest.mark.usefixtures("fresh_database")
BOB = Actor(kind="person", name="Bob")


def test_it_accepts_an_edit_once_and_numbers_versions_without_a_gap() -> None:
    classes = ("infra.timeout", "infra.queue", "system.bug", "domain.conflict")
    edits = [
        proposal_make(error_class=name, title=name, why="It broke", check_first=["One"], actor=ANYBODY).pk
        for name in classes
    ]
    same = at_once(lambda _: proposal_accept(proposal_id=edits[0], actor=BOB))
    assert sum(isinstance(answer, Conflict) for answer in same) == WRITERS - 1
    at_once(lambda number: proposal_accept(proposal_id=edits[number], actor=BOB))
    assert list(PlaybookVersion.objects.order_by("ordinal").values_list("ordinal", "minor")) == [
        (number, number) for number in range(1, len(classes) + 1)
    ]
    assert sorted(PlaybookSection.objects.values_list("number", flat=True)) == [1, 2, 3, 4]
