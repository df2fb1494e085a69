"""“Who is told?”: what it shows, who may change it, and that nothing secret or hostile gets out."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_attempts
from readiness.notifications.models import Channel, Delivery, Rule
from readiness.notifications.workflows.reading import telling_gap_read
from tests.factories import a_founder, a_project, a_tenant, a_viewer, an_engineer
from tests.notifications.conftest import a_channel, delivered_by_outbox, made_due, published, worked
from tests.notifications.receivers import Hook

pytestmark = pytest.mark.django_db
PAGE = "/operations/notifications/"


@pytest.fixture
def founder() -> Client:
    client = Client()
    client.force_login(a_founder(email="ada@example.test"))
    return client


def page(client: Client, path: str = PAGE) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def test_it_says_that_nobody_is_told_and_what_to_do(founder: Client, settings: Any) -> None:
    assert "Nobody is told of anything: set EMAIL_URL" in page(founder)
    settings.EMAIL_URL = "smtp://127.0.0.1:1"
    assert telling_gap_read() == ""
    assert "1 of 1 way to tell people works." in page(founder)


def test_a_founder_adds_a_way_sends_a_test_and_sees_it_arrive(founder: Client, hook: Hook) -> None:
    added = founder.post(f"{PAGE}channels/", {"kind": "webhook", "name": "On call", "target": hook.url})
    assert "whsec_" in added.content.decode()
    assert added.headers["Cache-Control"].startswith("max-age=0")
    channel = Channel.objects.get(name="On call")
    sent = founder.post(f"{PAGE}channels/{channel.pk}/test/", follow=True)
    assert "It is on its way" in sent.content.decode()
    worked()
    shown = page(founder, f"{PAGE}?test={Delivery.objects.get().pk}")
    assert "the receiver answered 200" in shown
    assert "s3cret" not in shown
    assert "whsec_" not in shown
    assert "whsec_" in founder.post(f"{PAGE}channels/{channel.pk}/secret/").content.decode()


def test_it_refuses_what_leads_nowhere_and_names_taken(founder: Client) -> None:
    private = founder.post(f"{PAGE}channels/", {"kind": "slack", "name": "Chat", "target": "ftp://x.test/"})
    assert private.status_code == 422
    assert "Only http:// and https:// URLs" in private.content.decode()
    taken = founder.post(f"{PAGE}channels/", {"kind": "email", "name": "founders", "target": "founders"})
    assert "There is a channel founders already." in taken.content.decode()
    assert Channel.objects.count() == 1


def test_a_founder_makes_mutes_and_removes_rules(founder: Client, hook: Hook) -> None:
    channel = a_channel("slack", hook.url)
    a_project(tenant=a_tenant(slug="acme"))
    form = {"channel": channel.pk, "kinds": ["control.broken"], "minimum_priority": "P1", "tenant": "nobody"}
    assert "There is no tenant nobody." in founder.post(f"{PAGE}rules/", form).content.decode()
    shown = founder.post(f"{PAGE}rules/", {**form, "tenant": "acme"}, follow=True).content.decode()
    assert "Control broke; P1 and above; of acme only." in shown
    rule = Rule.objects.get(channel=channel, minimum_priority="P1")
    founder.post(f"{PAGE}rules/{rule.pk}/remove/")
    assert "no such rule" in founder.post(f"{PAGE}rules/{rule.pk}/remove/", follow=True).content.decode()


def test_a_rule_is_muted_for_a_while_by_somebody_for_a_reason(founder: Client, hook: Hook) -> None:
    rule = Rule.objects.get(channel=a_channel("slack", hook.url))
    mute, why = f"{PAGE}rules/{rule.pk}/mute/", "The <b>fair</b> is on"
    assert founder.post(mute, {"span": "hour", "because": " "}).status_code == 422
    refused = founder.post(mute, {"span": "until", "until": "2199-01-01T10:00", "because": why})
    assert refused.status_code == 422
    assert "31 days at most" in refused.content.decode()
    assert 'value="2199-01-01T10:00"' in refused.content.decode(), "what was typed stays"
    until = utcnow() + timedelta(days=2)
    shown = founder.post(mute, {"span": "until", "until": f"{until:%Y-%m-%dT%H:%M}", "because": why}, follow=True)
    rule.refresh_from_db()
    assert rule.muted_until == until.replace(second=0, microsecond=0)
    assert "by ada@example.test: The &lt;b&gt;fair&lt;/b&gt; is on" in shown.content.decode()
    founder.post(mute, {"span": "hour", "until": "", "because": why})
    rule.refresh_from_db()
    assert rule.muted_until is not None
    assert rule.muted_until - utcnow() <= timedelta(hours=1), "a mute may be made shorter"
    assert "mute" in telling_gap_read()
    assert "is heard again" in founder.post(f"{PAGE}rules/{rule.pk}/unmute/", follow=True).content.decode()
    rule.refresh_from_db()
    assert (rule.muted_until, rule.muted_by, rule.muted_because) == (None, "", "")
    assert telling_gap_read() == ""
    assert "no such move" in founder.post(f"{PAGE}rules/{rule.pk}/for-ever/", follow=True).content.decode()
    assert (
        "no such rule"
        in founder.post(f"{PAGE}rules/999/mute/", {"span": "day", "because": "x"}, follow=True).content.decode()
    )


def test_what_was_taken_up_and_never_finished_is_shown_as_given_up(founder: Client, hook: Hook) -> None:
    """Its worker died each time, so nobody noted it on the delivery: the outbox knows."""
    a_channel("slack", hook.url)
    published()
    for _ in range(outbox_attempts("notice.deliver") + 2):
        delivered_by_outbox()
        made_due()
    shown = page(founder)
    assert "1 message did not arrive and was given up" in shown
    assert "Given up" in shown
    assert "never finished" in shown
    delivery = Delivery.objects.get()
    assert f"deliveries/{delivery.pk}/retry/" in shown
    founder.post(f"{PAGE}deliveries/{delivery.pk}/retry/")
    worked()
    assert len(hook.requests) == 1
    assert "did not arrive" not in page(founder)


def test_what_did_not_arrive_is_shown_and_tried_again_by_hand(founder: Client, hook: Hook) -> None:
    channel = a_channel("slack", hook.url)
    hook.answers.append((500, {}))
    published(title="INC-1 <b>bold</b>")
    worked()
    shown = page(founder)
    assert "INC-1 &lt;b&gt;bold&lt;/b&gt;" in shown
    assert "answered 500" in shown
    founder.post(f"{PAGE}deliveries/{Delivery.objects.get().pk}/retry/")
    worked()
    assert "Arrived" in page(founder)
    again = founder.post(f"{PAGE}deliveries/{Delivery.objects.get().pk}/retry/", follow=True)
    assert "nothing is sent twice" in again.content.decode()
    assert "switched off" in founder.post(f"{PAGE}channels/{channel.pk}/off/", follow=True).content.decode()
    assert "can send nothing" in founder.post(f"{PAGE}channels/{channel.pk}/test/", follow=True).content.decode()
    assert "switched on" in founder.post(f"{PAGE}channels/{channel.pk}/on/", follow=True).content.decode()
    assert "no such move" in founder.post(f"{PAGE}channels/{channel.pk}/explode/", follow=True).content.decode()


@pytest.mark.parametrize("make", [an_engineer, a_viewer])
def test_others_read_it_and_change_nothing(make: Any, hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    client = Client()
    client.force_login(make(email="eve@example.test"))
    assert "Founders do." in page(client)
    for path in (f"channels/{channel.pk}/secret/", "channels/", f"channels/{channel.pk}/test/", "rules/"):
        assert client.post(f"{PAGE}{path}").status_code == 403
    assert client.get(f"{PAGE}channels/{channel.pk}/off/").status_code in (403, 405)


def test_its_queries_do_not_grow(founder: Client, hook: Hook, django_assert_max_num_queries: Any) -> None:
    for number in range(6):
        a_channel("slack", hook.url, name=f"Chat {number}")
    for number in range(8):
        published(key=f"INC-{number}:detected")
    worked()
    with django_assert_max_num_queries(16):
        page(founder)
