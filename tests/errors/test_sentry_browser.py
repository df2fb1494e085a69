"""@sentry/browser as it is, inside Chromium, on a page of another origin than the console's: CORS is real."""

import http.server
import json
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from incidents.errors.adapters import error_view
from incidents.errors.models import ErrorEvent, UserReport
from tests.console import Console
from tests.javascript import bundle

pytestmark = pytest.mark.once

ENTRY = Path(__file__).parent / "sdk" / "page.js"
PAGE = '<!doctype html><html lang="en"><title>Shop</title><h1>Shop</h1><script src="/page.js"></script></html>'


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: Any) -> None:
        """Nothing of it is of interest."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The product's own site, on a port of its own."""
    root = tmp_path_factory.mktemp("shop")
    (root / "index.html").write_text(PAGE)
    bundle(ENTRY, to=root / "page.js")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def shopper(browser: Browser, shop: str) -> Iterator[Page]:
    context = browser.new_context()
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(shop)
    yield page
    context.close()


@pytest.fixture(scope="module")
def project(console: Console) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(console.manage("onboard_tenant", "shop-web", "--json").stdout)
    return made


@pytest.fixture(scope="module")
def visit(console: Console, shopper: Page, project: dict[str, Any]) -> dict[str, Any]:
    """One visit: a crash, a promise that nobody held, a message and what the user says of it; then all is sent."""
    answers: list[tuple[str, int]] = []
    shopper.on("response", lambda answer: answers.append((urlsplit(answer.url).path, answer.status)))
    shopper.evaluate("dsn => { window.start(dsn) }", project["dsn"])
    shopper.evaluate("window.crash()")
    shopper.evaluate("window.reject()")
    about = shopper.evaluate("window.say()")
    assert shopper.evaluate("window.flush()")
    with console.tables():
        errors = {error.message: error for error in ErrorEvent.objects.filter(project_id=project["project_id"])}
        said = list(UserReport.objects.filter(project_id=project["project_id"]))
    return {"about": about, "errors": errors, "said": said, "answers": answers, "trace": shopper.evaluate("trace()")}


def test_it_stores_the_errors_and_skips_replay_session_transaction_and_logs(
    visit: dict[str, Any], project: dict[str, Any]
) -> None:
    assert sorted(visit["errors"]) == ["no such voucher", "the basket is empty", "the page looks odd"]
    sent = [status for path, status in visit["answers"] if path == f"/api/{project['project_id']}/envelope/"]
    assert len(sent) > len(visit["errors"]), "more came than errors"
    assert set(sent) == {200}


def test_it_knows_where_it_broke_and_in_which_release(visit: dict[str, Any]) -> None:
    crash = visit["errors"]["the basket is empty"]
    assert (crash.exception_type, crash.release, crash.environment) == ("TypeError", "shop-web@2.0.0", "preview")
    frames = error_view(crash).exceptions[0].frames
    assert (frames[0].function, frames[0].place.rsplit("/", 1)[-1]) == ("pay", "page.js")
    assert ("page", "checkout") in error_view(crash).tags
    assert error_view(crash).request.endswith("/")


def test_the_whole_visit_is_one_trace(visit: dict[str, Any]) -> None:
    trace_id = visit["trace"].split("-")[0]
    assert {error.correlation_id for error in visit["errors"].values()} == {trace_id}
    assert visit["said"][0].correlation_id == trace_id


def test_feedback_is_the_users_words_and_not_the_user(visit: dict[str, Any]) -> None:
    (said,) = visit["said"]
    assert said.comments == "The button does nothing. Yours, [Filtered]"
    assert said.error_id == f"err_{visit['about']}"
    assert said.fingerprint == visit["errors"]["the page looks odd"].fingerprint
    assert said.url == "http://shop.test/checkout"
    assert len(said.user_hash) == 16


_POST = """async ([url, headers, body]) => {
  const answer = await fetch(url, {method: "POST", headers, body});
  return {status: answer.status, error: answer.headers.get("x-sentry-error"), text: await answer.text()};
}"""


def test_a_page_reads_refusals_too(visit: dict[str, Any], shopper: Page, console: Console) -> None:
    """With a header that makes the browser ask first (preflight), and without."""
    url = f"{console.url}/api/999999/envelope/"
    asked_first = shopper.evaluate(_POST, [url, {"X-Sentry-Auth": f"Sentry sentry_key={'0' * 32}"}, "{}"])
    assert asked_first["status"] == 403
    assert "does not belong to project 999999" in asked_first["error"]
    plain = shopper.evaluate(_POST, [url, {}, "{}"])
    assert (plain["status"], json.loads(plain["text"])["detail"]) == (401, plain["error"])
    bad_name = shopper.evaluate(_POST, [f"{console.url}/api/shop/store/", {}, "{}"])
    assert (bad_name["status"], "ends in a number" in bad_name["error"]) == (400, True)
