"""What a page becomes under a person's hands: a form refused in place or as a page, a part that htmx took anew, every
fold open, a page of an error. axe finds nothing in any of it, in dark; what a page is at first, in light and in dark,
is looked at by test_every_page.
"""

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

from tests.browser import OpenPage, sign_in
from tests.console import Console
from tests.factories import a_control, a_root_cause
from tests.test_every_page import _AXE, HOSTILE, an_incident_of

pytestmark = pytest.mark.postgres_only
_REFUSED = ".errorlist, .form-errors, [role=alert], .notice.is-fail"
_UNCHECKED = "document.querySelectorAll('form').forEach((form) => { form.noValidate = true; })"
_UNFOLD = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
_SEND = """(form) => {
  const said = form.querySelectorAll("textarea, input:not([type=hidden]):not([type=checkbox])");
  said.forEach((field) => { field.value = ""; });
  form.requestSubmit();
}"""


def wrongs(page: Page) -> list[str]:
    """Of the page as it stands, with every fold open: all of it in dark, where the colours of errors are the harder."""
    page.evaluate(_UNFOLD)
    return list(page.evaluate(_AXE, []))


def refuse(page: Page, address: str, form: str) -> list[str]:
    """Send the form without a word, past the browser's own checks, and look at what the console says."""
    page.goto(address)
    page.evaluate(_UNCHECKED)
    before = page.locator(_REFUSED).count()
    page.locator(f"main {form}").first.evaluate(_SEND)
    page.wait_for_function(
        "([what, before]) => document.querySelectorAll(what).length > before", arg=[_REFUSED, before]
    )
    return wrongs(page)


def test_it_is_sound_in_every_state(console: Console, open_page: OpenPage, page_errors: list[str]) -> None:
    project_id = console.demo["project_id"]
    console.manage("import_program", "phase-1-exit", "--example")
    with console.tables():
        fresh, taken = (an_incident_of(project_id, name, title=HOSTILE, priority="P1") for name in ("fresh", "taken"))
        a_root_cause(incident=taken, text=HOSTILE, broken_commits=["b" * 40])
        control = a_control(incident=taken, title="A control in every state")
    page = open_page(console, dark=True)
    page.context.add_init_script(AXE_SCRIPT)
    found = {"signing in": refuse(page, "/login/", "form")}
    sign_in(page)
    here = f"/incidents/{fresh.public_id}/"
    refusals = [
        (here, "form[action$='/write/root-cause/']"),
        (here, "form[action$='/write/control/']"),
        (here, "form[action$='/move/close/']"),
        (f"{here}post-mortem/", "form[method=post]"),
        ("/playbook/proposals/new/", "form[method=post]"),
        ("/operations/notifications/", "form[action$='/channels/']"),
        ("/programs/phase-1-exit/gates/G6/", "form[method=post]"),
    ]
    for address, form in refusals:
        found[f"{form} refused on {address}"] = refuse(page, address, form)
    page.goto(here)
    page.get_by_role("button", name="Take it").click()
    page.get_by_text("You have it").wait_for()
    found["taken in place"] = wrongs(page)
    for address in (f"/incidents/{taken.public_id}/", f"/controls/{control.public_id}/", "/incidents/", "/nowhere/"):
        page.goto(address)
        found[f"{address} unfolded"] = wrongs(page)
    assert {state: wrong for state, wrong in found.items() if wrong} == {}
    unexpected = [text for text in page_errors if "Failed to load resource" not in text]
    assert unexpected == []
    page_errors.clear()
