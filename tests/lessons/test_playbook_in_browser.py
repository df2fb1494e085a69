"""The playbook's pages as a browser shows them: nothing that axe finds, no sideways scrolling, differences included."""

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
    """A section in its second version, an edit that the second has made stale, the form that mends it, and the rest."""
    known = {"error_class": "system.recovery", "title": "A retry fails", "actor": ANYBODY}
    with console.tables():
        incident = an_incident()
        lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
        first = proposal_make(**known, why="It broke", check_first=["Is it up?"], grown_from=[incident.public_id])  # type: ignore[arg-type]
        version = proposal_accept(proposal_id=first.pk, actor=BOB)
        assert version.section is not None
        number, why = version.section.number, {"evolved": "new_primitive", "root_cause": "One", "before": "a"}
        edits = [
            proposal_make(**known, **why, why="Again", base_version=1, check_first=["Is it down?", line])  # type: ignore[arg-type]
            for line in ("one", "two")
        ]
        newer = proposal_accept(proposal_id=edits[0].pk, actor=BOB).version
    stale = edits[1].pk
    pages = [
        "", "?class=infra.queue", f"{number}/", f"{number}/1..2/", "proposals/?state=all", f"proposals/{stale}/",
        f"proposals/new/?replaces={stale}", "proposals/new/", "versions/", f"versions/v0.0..{newer}/",
    ]  # fmt: skip
    return [f"/playbook/{page}" for page in pages]


@pytest.mark.parametrize(("width", "dark"), [(1280, True), (390, False)])
def test_it_reads_well(width: int, dark: bool, addresses: list[str], console: Console, open_page: OpenPage) -> None:
    page = sign_in(open_page(console, width=width, dark=dark))
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.locator("details.more > summary").evaluate_all("all => all.forEach(one => one.click())")
        if dark:  # the same markup at every width: axe takes a second a page
            assert axe(page) == []
