"""What test_every_page does not meet of “Who is told?”: a rule muted by hand, a refused mute, a delivery given up."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.notifications.models import Channel, Delivery, Notice
from readiness.notifications.workflows.channels import channel_create, rule_create
from tests.browser import OpenPage, axe, sign_in
from tests.console import Console
from tests.factories import ANYBODY

pytestmark = pytest.mark.once


@pytest.fixture
def chat(console: Console) -> Iterator[None]:
    """A channel with two rules and a delivery that was given up; gone again, for other tests share the console."""
    with console.tables():
        channel = channel_create(name="Team chat", kind="slack", target="https://hooks.example.test/x", actor=ANYBODY)
        kinds = ["control.broken", "incident.detected"]
        rule_create(channel_id=channel.pk, kinds=kinds, minimum_priority="P1", projects=[], actor=ANYBODY)
        with atomic_write():
            told = Notice.objects.create(
                key="chat:detected", kind="incident.detected", title="INC-1 " + "x" * 90, page="/", at=utcnow()
            )
            Delivery.objects.create(
                notice=told, channel=channel, message_id="msg_chat", state="dead", attempts=10, created_at=utcnow(),
                last_error="hooks.example.test answered 500 Internal Server Error.",
            )  # fmt: skip
    yield
    with console.tables(), atomic_write():
        Delivery.objects.filter(channel=channel).delete()
        Channel.objects.filter(pk=channel.pk).delete()


@pytest.mark.usefixtures("chat")
def test_a_rule_is_muted_and_the_page_reads_well(console: Console, open_page: OpenPage, page_errors: list[str]) -> None:
    page = sign_in(open_page(console))
    page.goto("/operations/notifications/")
    panel = page.get_by_role("region", name="Team chat")
    panel.locator("summary", has_text="Mute").first.click()
    panel.get_by_label("Keep quiet").first.select_option("until")
    panel.get_by_label("Why").first.fill("The fair is on; Bob answers.")
    panel.get_by_role("button", name="Mute it").first.click()
    expect(panel.get_by_role("alert")).to_contain_text("Give a time that is still to come")
    expect(panel.get_by_label("Why").first).to_have_value("The fair is on; Bob answers.")
    page_errors.clear()  # the answer was 422, as it should be
    panel.get_by_label("Keep quiet").first.select_option("week")
    panel.get_by_role("button", name="Mute it").first.click()
    expect(panel).to_contain_text("by founder@example.test: The fair is on; Bob answers.")
    panel.locator("summary", has_text="Mute longer").click()
    assert axe(page) == []
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert axe(page) == []
