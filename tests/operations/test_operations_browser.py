"""The Operations page in Chromium, before a running console: read by anyone, and followed without a reload."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser import OpenPage, axe, sign_in
from tests.console import Console

pytestmark = pytest.mark.once


def test_it_has_no_barrier_in_either_light(open_page: OpenPage, console: Console) -> None:
    for dark, width in ((False, 1280), (True, 390)):
        page = sign_in(open_page(console, dark=dark, width=width))
        page.goto("/operations/")
        assert axe(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_follows_a_run_that_was_asked_for(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/operations/")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="Controls turning stale"))
    page.get_by_role("button", name="Run Controls turning stale now").click()
    expect(page.get_by_text("Controls turning stale is asked for")).to_be_visible()
    page.evaluate("window.sameDocument = 2")
    expect(row).to_contain_text("None turned stale.", timeout=40_000)
    expect(row).to_contain_text("OK")
    assert page.evaluate("window.sameDocument") == 2, "the page followed by itself, it was not loaded again"
    expect(page.locator("#runs")).to_contain_text("None turned stale.")
    expect(page.locator("#jobs")).not_to_have_attribute("hx-trigger", "every 2s")
