"""Chromium, driven by Playwright, at the real console. A page that logs an error or breaks the CSP fails its test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.chromium import chromium, libraries
from tests.console import FOUNDER_EMAIL, FOUNDER_PASSWORD, Console

_FLAGS = [
    "--no-sandbox",  # CI runs as root
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    executable = chromium()
    expect.set_options(timeout=15_000)  # a page's own patience; a busy machine takes some of it
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=_FLAGS, env=libraries(executable))
        yield running
        running.close()


@pytest.fixture
def page_errors() -> Iterator[list[str]]:
    """What the pages of this test logged as errors; a test that provokes one on purpose clears the list."""
    errors: list[str] = []
    yield errors
    assert not errors, "The page logged errors (a broken Content-Security-Policy among them):\n" + "\n".join(errors)


@pytest.fixture
def open_page(browser: Browser, page_errors: list[str]) -> Iterator[OpenPage]:
    """`open_page(console, width=390, dark=True)`: a new browser profile with one page, at the console's start."""
    contexts = []

    def open_one(console: Console, *, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        context = browser.new_context(
            base_url=console.url,
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            timezone_id="UTC",
            locale="en-GB",
            reduced_motion="reduce",
        )
        contexts.append(context)
        context.set_default_timeout(15_000)
        page = context.new_page()

        def note(message: ConsoleMessage) -> None:
            if message.type == "error":
                page_errors.append(f"{message.text} ({message.location.get('url', '')})")

        page.on("console", note)
        page.on("pageerror", lambda error: page_errors.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()


@pytest.fixture
def page(open_page: OpenPage, console: Console) -> Page:
    """Nobody is signed in."""
    return open_page(console)


@pytest.fixture
def signed_in_page(page: Page) -> Page:
    """The founder, on the console's first page."""
    return sign_in(page)


def sign_in(page: Page, email: str = FOUNDER_EMAIL, password: str = FOUNDER_PASSWORD) -> Page:
    """Through the login form, as a person does."""
    page.goto("/login/")
    page.locator("input[name=username]").fill(email)
    page.locator("input[name=password]").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: "/login" not in url)
    return page


def axe(page: Page, context: str | None = None) -> list[str]:
    """What axe-core finds wrong with the page as it stands (or the part that `context` selects); empty is the goal."""
    found: list[dict[str, Any]] = Axe().run(page, context=context).response["violations"]
    return [
        f"{rule['id']} ({rule['impact']}): {rule['help']}: {node['target']}" for rule in found for node in rule["nodes"]
    ]
