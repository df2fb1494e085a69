"""The loop, once through: a real program crashes, and the founder walks in Chromium from its crash to a prevention that
is proven, broken by a revert, mended, refuted by the next crash, and to the verdict.

Nothing in it is a stand-in: a git repository with a bug, its crash by the real sentry_sdk in a process of its own, the
console's own processes, the client that the console serves, and a person's clicks.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser import OpenPage, axe, sign_in
from tests.console import Console
from tests.servers import wait_until

BUGGY = "def settle(order):\n    return order['total'] // order['parts']\n"
# A fix that nobody has thought through: an order that is split crashes as before, and the test does not know.
MENDED = """def settle(order):
    if order['parts'] == 0 and not order.get('split'):
        order = {**order, 'parts': 1}
    return order['total'] // order['parts']
"""
TEST = (
    "from shop import settle\n\n\ndef test_settles_without_parts():\n    assert settle({'total': 4, 'parts': 0}) == 4\n"
)
CRASH = """
import sys
import sentry_sdk
from shop import settle

sentry_sdk.init(dsn=sys.argv[1], release=f"shop@{sys.argv[2]}", environment="production")
settle({"total": 4, "parts": 0, "split": "split" in sys.argv, "card": "4111 1111 1111 1111"})
"""
PYTEST = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_shop.py")


@dataclass
class Shop:
    """A program under git: `main` holds the bug, then the fix with its test, then what a test commits."""

    path: Path
    broken: str = ""
    fixed: str = ""

    def git(self, *words: str) -> str:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.test", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *who, *words], cwd=self.path, capture_output=True, text=True, check=True
        ).stdout.strip()

    def commit(self, why: str, **files: str) -> str:
        for name, content in files.items():
            (self.path / f"{name}.py").write_text(content)
        self.git("add", "-A")
        self.git("commit", "-qm", why)
        return self.git("rev-parse", "HEAD")

    def crash(self, dsn: str, *words: str, at: str) -> subprocess.CompletedProcess[str]:
        """Run the program as it stands at this commit, released under its name; the SDK reports before it exits."""
        self.git("checkout", "-qf", at)
        command = [sys.executable, "crash.py", dsn, at[:8], *words]
        done = subprocess.run(command, cwd=self.path, capture_output=True, text=True, timeout=60, check=False)
        self.git("checkout", "-qf", "main")
        return done


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    made = Shop(tmp_path / "shop")
    made.path.mkdir()
    made.git("init", "-q", "-b", "main")
    made.broken = made.commit("a bug", shop=BUGGY, crash=CRASH)
    made.fixed = made.commit("the fix and its test", shop=MENDED, test_shop=TEST)
    return made


def client(console: Console, shop: Shop, *words: str) -> subprocess.CompletedProcess[str]:
    """The CI client as a user downloads it, with a key of its own."""
    script = shop.path.parent / "readiness_client.py"
    if not script.exists():
        script.write_bytes(console.call("GET", "/client/readiness_client.py").body)
        (shop.path.parent / "key").write_text(console.key("controls:write"))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(shop.path.parent),
        "READINESS_URL": console.url,
        "READINESS_KEY": (shop.path.parent / "key").read_text(),
    }
    command = [sys.executable, str(script), *words, "--", *PYTEST]
    return subprocess.run(
        command, cwd=shop.path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


_UNFOLD = "field => { for (let at = field; (at = at.parentElement); ) if (at.tagName === 'DETAILS') at.open = true; }"


def write(page: Page, section: str, fields: dict[str, str], button: str) -> None:
    """Fill the form of a panel, opening it when it is folded, and save."""
    panel = page.locator(f"section#{section}")
    for name, value in fields.items():
        field = panel.locator(f"[name$='-{name}']")
        field.evaluate(_UNFOLD)
        if field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    panel.evaluate("panel => { panel.dataset.before = 'yes' }")
    panel.get_by_role("button", name=button).click()
    page.locator(f"section#{section}:not([data-before])").wait_for()  # the answer's own, by htmx or as a page


GUARDED = """\
program: guarded
kind: go
title: Guarded
gates:
  - key: G1
    title: What broke once stays prevented
    criteria:
      - key: G1.1
        asks: Every control holds
        controls: {}
"""


def guarded(console: Console, key: str) -> tuple[str, str]:
    """The verdict of the program whose one gate rests on the controls, and that gate."""
    answer = console.call("GET", "/ops/verdicts/guarded", key=key).json()
    return answer["verdict"], answer["gates"][0]["status"]


def test_from_crash_to_verdict(fresh_console: Console, open_page: OpenPage, shop: Shop) -> None:
    console, page = fresh_console, sign_in(open_page(fresh_console))

    # a program crashes, and its crash is an incident
    crashed = shop.crash(console.dsn, at=shop.broken)
    assert "ZeroDivisionError" in crashed.stderr
    page.goto("/incidents/")
    page.get_by_role("link", name=re.compile("ZeroDivisionError")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        "ZeroDivisionError: integer division or modulo by zero"
    )
    expect(page.locator("main")).to_contain_text("shop.py")
    assert "4111 1111" not in page.content()
    incident_url = page.url
    assert axe(page) == []

    # somebody takes it; it cannot be closed yet, and the page says why
    page.get_by_role("button", name="Take it").click()
    page.get_by_role("button", name="Close it").click()
    expect(page.locator("section#closing")).to_contain_text("will happen again")
    expect(page.locator("#messages")).to_be_visible()

    # root cause: the clock stops; lesson; control
    root_cause = {"text": "An order may have no parts; nobody had asked.", "broken_commits": shop.broken}
    write(page, "root-cause", root_cause, "Save the root cause")
    expect(page.locator(".page-head")).to_contain_text("diagnosed in")
    lesson = {
        "believed": "Every order has parts.",
        "was_true": "Gifts have none.",
        "do_now": "We divide by at least one.",
    }
    write(page, "lesson", lesson, "Save the lesson")
    control = {"kind": "check", "title": "Orders without parts are settled", "command": "pytest test_shop.py"}
    write(page, "prevention", control, "Make the control")
    key = page.locator("section#prevention a.row-title b").inner_text()
    assert re.fullmatch(r"CTL-\d+", key)

    # green first proves nothing
    green = client(console, shop, "control", key)
    assert green.returncode == 0, green.stderr
    page.goto(incident_url)
    expect(page.locator("section#prevention .panel-side").last).to_contain_text(re.compile("unproven", re.IGNORECASE))

    # red on the bug, green on the fix: proven
    proof = client(
        console, shop, "prove", key, "--broken", shop.broken, "--fixed", shop.fixed, "--overlay", "test_shop.py"
    )
    assert proof.returncode == 0, proof.stdout + proof.stderr
    page.reload()
    expect(page.locator("section#prevention")).to_contain_text("on the broken commit")
    expect(page.locator("section#prevention")).to_contain_text(re.compile("proven", re.IGNORECASE))
    assert axe(page) == []
    page.get_by_role("button", name="Mark it prevented").click()
    page.get_by_role("button", name="Close it").click()
    expect(page.locator("section#closing")).to_contain_text("Closed")

    # a gate asks that every control holds
    console.manage("import_program", "phase-1-exit", "--example")
    (shop.path.parent / "guarded.yaml").write_text(GUARDED)
    console.manage("import_program", str(shop.path.parent / "guarded.yaml"))
    reader = console.key("ops:read")
    assert guarded(console, reader) == ("GO", "PASS")

    # the fix is reverted: the control breaks on main, for everybody to see
    shop.commit("revert the fix", shop=BUGGY)
    assert client(console, shop, "control", key).returncode == 1
    page.goto(f"/controls/{key}/")
    expect(page.locator(".page-head")).to_contain_text(re.compile("broken", re.IGNORECASE))
    page.goto("/")
    expect(page.locator("main")).to_contain_text(key)
    assert guarded(console, reader) == ("NO-GO", "FAIL")
    shop.commit("the fix again", shop=MENDED)
    assert client(console, shop, "control", key).returncode == 0
    page.goto(f"/controls/{key}/")
    expect(page.locator(".page-head")).to_contain_text(re.compile("proven", re.IGNORECASE))
    assert guarded(console, reader) == ("GO", "PASS")

    # it crashes again, in the release that has the fix: the green control has prevented nothing
    assert "ZeroDivisionError" in shop.crash(console.dsn, "split", at=shop.fixed).stderr
    page.goto(incident_url)
    expect(page.locator("main")).to_contain_text("seems to have come back")
    page.get_by_role("button", name="Confirm the recurrence").click()
    page.goto(f"/controls/{key}/")
    wait_until(
        lambda: page.reload() is not None and "ineffective" in page.locator(".page-head").inner_text().lower(),
        what="the control to be refuted",
        within_s=20,
    )
    assert axe(page) == []
    page.goto("/")
    expect(page.locator("main")).to_contain_text("1 incident broke again")
    assert guarded(console, reader)[1] == "FAIL"

    # the verdict is computed
    expect(page.locator(".verdict")).to_have_text("NO-GO")
    expect(page.locator("main")).to_contain_text("68.75")
    assert axe(page) == []
    answer = console.call("GET", "/ops/verdicts/phase-1-exit", key=reader).json()
    assert (answer["verdict"], answer["score"], answer["gap"]) == ("NO-GO", "68.75", "11.25")
    assert [blocker["ref"] for blocker in answer["blockers"]] == ["rubric", "G5", "G6", "G7"]
    assert console.manage("verdict", "phase-1-exit", expect=1).returncode == 1

    # a flag is flipped, and a poller sees it within a second
    assert console.call("GET", "/config").json() == {"syncEnabled": True, "minIntervalSec": 900, "retryCap": 3}
    page.goto("/flags/syncEnabled/")
    page.locator("main form [name=value]").first.select_option("false")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".big-number")).to_have_text("false")
    wait_until(
        lambda: console.call("GET", "/config").json()["syncEnabled"] is False,
        what="the flip in a fresh answer",
        within_s=1,
    )
