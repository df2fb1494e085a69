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
    page.evaluate("window.sameDocument = 2")
    page.get_by_role("button", name="Run Controls turning stale now").click()
    expect(page.locator("#messages")).to_contain_text("Controls turning stale is asked for")
    expect(page.locator("#messages")).to_be_in_viewport()
    expect(page.locator("#jobs")).to_be_focused()
    expect(row).to_contain_text("None turned stale.", timeout=40_000)
    expect(row).to_contain_text("OK")
    assert page.evaluate("window.sameDocument") == 2, "the page followed by itself, it was not loaded again"
    expect(page.locator("#runs")).to_contain_text("None turned stale.")
    expect(page.locator("#jobs")).not_to_have_attribute("hx-trigger", "every 2s")


def test_a_small_move_that_is_refused_says_why(signed_in_page: Page, page_errors: list[str]) -> None:
    page, button = signed_in_page, signed_in_page.get_by_role("button", name="Run Retention now")
    page.goto("/operations/")
    page.evaluate(
        "document.addEventListener('htmx:configRequest', (e) => { e.detail.path = '/nowhere/' }, {once: true})"
    )
    button.click()
    expect(page.locator("#messages")).to_contain_text("There is nothing at this address. The link may be old")
    expect(button).to_be_visible()
    page.context.clear_cookies()
    button.click()
    expect(page.locator("#messages")).to_contain_text("Go back, reload the page")
    expect(button).to_be_visible()
    assert [error for error in page_errors if "the server responded with a status of 40" not in error] == []
    page_errors.clear()
