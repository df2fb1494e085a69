"""The pages as a browser shows them: nothing that axe finds, no sideways scrolling, on a phone what to check first."""

import pytest

from incidents.lessons.workflows import lesson_write
from tests.browser import OpenPage, axe, sign_in
from tests.console import Console
from tests.factories import ANYBODY, a_control, a_proven_control, an_incident

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def addresses(console: Console) -> list[str]:
    """An incident that nobody has taken, one ready to be marked prevented, its control, and the lessons."""
    with console.tables():
        untouched = an_incident(incident={"priority": "P1"}, breadcrumbs=[{"category": "http", "message": "POST /pay"}])
        learnt = an_incident(incident={"priority": "P1"})
        a_control(incident=learnt, kind="playbook", command="", check_first="Is the gateway up?")
        control = a_proven_control(incident=learnt)
        lesson_write(incident_id=learnt.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    incidents = [f"/incidents/{incident.public_id}/" for incident in (untouched, learnt)]
    return [*incidents, f"/controls/{control.public_id}/", "/lessons/"]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_it_reads_well(width: int, dark: bool, addresses: list[str], console: Console, open_page: OpenPage) -> None:
    page = sign_in(open_page(console, width=width, dark=dark))
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.locator("details.more > summary").evaluate_all("all => all.forEach(one => one.click())")
        assert axe(page) == []


def test_it_says_what_to_check_before_the_evidence_on_a_phone(
    addresses: list[str], console: Console, open_page: OpenPage
) -> None:
    page = sign_in(open_page(console, width=390))
    page.goto(addresses[0])
    places = [page.get_by_role("heading", name=name).bounding_box() for name in ("Check first", "What broke")]
    assert places[0] is not None
    assert places[1] is not None
    assert places[0]["y"] < places[1]["y"]


def test_it_is_worked_by_hand_from_taken_to_closed(addresses: list[str], console: Console, open_page: OpenPage) -> None:
    page = sign_in(open_page(console))
    page.goto(addresses[0])
    page.get_by_role("button", name="Take it").click()
    page.get_by_text("You have it").wait_for()
    page.get_by_text("Write the root cause", exact=True).click()
    page.get_by_label("What happened, and why it could").fill("Nobody asked for the total.")
    page.get_by_label("Broken commits").fill("4f1c9e2")
    page.get_by_role("button", name="Save the root cause").click()
    page.get_by_text("The root cause is saved.").wait_for()
    page.get_by_label("What we believed").fill("It is always there.")
    page.get_by_label("What was true").fill("Not before the first order.")
    page.get_by_label("What we do now").fill("We ask first.")
    page.get_by_role("button", name="Save the lesson").click()
    page.get_by_label("What it prevents").fill("Totals are asked for")
    page.get_by_label("Command").fill("pytest tests/test_orders.py")
    page.get_by_role("button", name="Make the control").click()
    page.get_by_text("Now prove it").wait_for()
    page.get_by_role("button", name="Close it").click()
    page.get_by_text("is not closed yet").wait_for()
