"""Merging, landing, undoing and splitting as a person does it in a browser, by the keyboard where that is enough."""

from typing import Any

import pytest
from playwright.sync_api import Page

from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident, IncidentFingerprint
from incidents.triage.workflows import incident_merge
from readiness.infra.transactions import atomic_write
from tests.browser import OpenPage, axe, sign_in
from tests.console import Console
from tests.factories import ANYBODY, a_captured_error, an_incident

pytestmark = pytest.mark.once


def lands(console: Console, name: str) -> str:
    with console.tables():
        return str(errors_commit(errors=[a_captured_error(fingerprint=[name])])[0].incident)


def choose(page: Page, *incidents: Incident) -> None:
    page.goto("/incidents/")
    for incident in incidents:
        box = page.get_by_label(f"Choose {incident.public_id}", exact=True)
        box.focus()
        page.keyboard.press("Space")
    page.get_by_role("button", name="Merge…", exact=True).focus()
    page.keyboard.press("Enter")


def test_two_incidents_are_merged_and_the_merge_is_undone(console: Console, signed_in_page: Page) -> None:
    page = signed_in_page
    with console.tables():
        one, other = (an_incident(fingerprint=[name]) for name in ("browser-one", "browser-two"))
    choose(page, one, other)
    page.get_by_role("radio", name=one.public_id).check()
    assert axe(page) == []
    page.get_by_role("button", name="See what happens").click()
    page.get_by_text("2 times, now 1").wait_for()
    assert axe(page) == []
    page.get_by_role("button", name=f"Merge it into {one.public_id}").click()
    page.get_by_text(f"{other.public_id} was merged into {one.public_id}").wait_for()
    assert lands(console, "browser-two") == one.public_id
    page.goto(f"/incidents/{other.public_id}/")
    page.wait_for_url(f"**/incidents/{one.public_id}/")
    page.get_by_role("link", name="why it landed here").click()
    page.get_by_role("link", name=f"Undo the merge of {other.public_id}").click()
    page.get_by_text("2 times, 1 of them stored since the merge").wait_for()
    assert axe(page) == []
    page.get_by_role("button", name=f"Take {other.public_id} out").click()
    page.get_by_text("an incident of its own again").wait_for()
    assert lands(console, "browser-two") == other.public_id
    assert lands(console, "browser-one") == one.public_id


def test_a_hash_is_split_off_and_put_back(console: Console, signed_in_page: Page) -> None:
    page = signed_in_page
    with console.tables():
        one, other = (an_incident(fingerprint=[name]) for name in ("browser-three", "browser-four"))
        incident_merge(source_ids=[other.pk], target_id=one.pk, actor=ANYBODY)
        moved = IncidentFingerprint.objects.filter(incident=one).latest("pk").fingerprint
    page.goto(f"/incidents/{one.public_id}/grouping/")
    box = page.get_by_label(f"Choose hash {moved[:8]}")
    box.focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Split the chosen off").click()
    page.get_by_text("1 hash and 1 stored event").wait_for()
    assert axe(page) == []
    page.get_by_role("button", name="Split it off").click()
    page.get_by_text(f"was split off {one.public_id}").wait_for()
    new = lands(console, "browser-four")
    assert new not in (one.public_id, other.public_id)
    page.get_by_role("link", name="Put it back").click()
    page.get_by_role("button", name=f"Merge it into {one.public_id}").click()
    page.get_by_text(f"{new} was merged into {one.public_id}").wait_for()
    assert lands(console, "browser-four") == one.public_id


@pytest.fixture(scope="module")
def addresses(console: Console) -> list[str]:
    """The grouping pages of an incident with one hash, and of one with sixty."""
    with console.tables():
        errors_commit(errors=[a_captured_error(exception=chained(), platform="python")])
        single = Incident.objects.latest("pk")
        many = an_incident(fingerprint=["many"])
        incident_merge(source_ids=[an_incident().pk for _ in range(15)], target_id=many.pk, actor=ANYBODY)
        with atomic_write():
            IncidentFingerprint.objects.bulk_create(
                IncidentFingerprint(project_id=1, version=2, fingerprint=f"{n:032x}", incident=many) for n in range(44)
            )
    grouping = [f"/incidents/{incident.public_id}/grouping/" for incident in (single, many)]
    return [*grouping, f"{grouping[1]}?page=3", f"/incidents/merge/?incident={single.pk}"]


def chained() -> dict[str, Any]:
    frames = [
        {"module": "django.core.handlers.base", "function": "_get_response", "lineno": 197, "in_app": False},
        {"module": "shop.views", "function": "checkout", "lineno": 40, "in_app": True},
        *[{"module": "shop.tree", "function": "walk", "lineno": 7, "in_app": True}] * 12,
        {"module": "shop.orders", "function": "Order.settle.<locals>.<lambda>", "lineno": 12, "in_app": True},
    ]
    cause = {"type": "OSError", "value": "no answer from pay-7 after 31 s"}
    return {"values": [cause, {"type": "OrderError", "value": "order 4711", "stacktrace": {"frames": frames}}]}


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_it_reads_well(width: int, dark: bool, addresses: list[str], console: Console, open_page: OpenPage) -> None:
    page = sign_in(open_page(console, width=width, dark=dark))
    for address in addresses:
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert axe(page) == []
