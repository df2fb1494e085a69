"""What test_every_page does not meet: a class without a section, an edit out of date, and the form that mends it."""

import pytest

from incidents.lessons.workflows import lesson_write
from incidents.lessons.workflows.playbook import proposal_accept, proposal_make
from readiness.infra.actor import Actor
from tests.browser import OpenPage, axe, sign_in
from tests.console import Console
from tests.factories import ANYBODY, an_incident

pytestmark = pytest.mark.once
BOB = Actor(kind="person", name="Bob")


@pytest.fixture(scope="module")
def addresses(console: Console) -> list[str]:
    """A section in its second version, and an edit that the second has made stale."""
    known = {"error_class": "system.recovery", "title": "A retry fails", "actor": ANYBODY}
    with console.tables():
        incident = an_incident()
        lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
        first = proposal_make(**known, why="It broke", check_first=["Is it up?"], grown_from=[incident.public_id])  # type: ignore[arg-type]
        proposal_accept(proposal_id=first.pk, actor=BOB)
        why = {"evolved": "new_primitive", "root_cause": "One", "before": "a"}
        edits = [
            proposal_make(**known, **why, why="Again", base_version=1, check_first=["Is it down?", line])  # type: ignore[arg-type]
            for line in ("one", "two")
        ]
        proposal_accept(proposal_id=edits[0].pk, actor=BOB)
    stale = edits[1].pk
    return [
        f"/playbook/{page}"
        for page in ("?class=infra.queue", f"proposals/{stale}/", f"proposals/new/?replaces={stale}")
    ]


def test_it_reads_well(addresses: list[str], console: Console, open_page: OpenPage) -> None:
    page = sign_in(open_page(console, width=390, dark=True))
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert axe(page) == []
