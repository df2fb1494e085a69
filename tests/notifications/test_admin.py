"""Who is told, in the admin: founders make and mute by the page's workflows, nobody sees a secret, it stays quick."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.notifications.models import Channel, Delivery, Notice, Rule
from tests.factories import a_founder, a_project, a_tenant, a_viewer, an_engineer
from tests.notifications.conftest import a_channel, published, worked
from tests.notifications.receivers import Hook

pytestmark = pytest.mark.django_db
ADMIN = "/admin/notifications/"
SECRET = "https://hooks.example.test/T0/s3cret"


@pytest.fixture
def founder() -> Client:
    client = Client()
    client.force_login(a_founder(email="ada@example.test"))
    return client


def page(client: Client, path: str) -> str:
    response = client.get(f"{ADMIN}{path}")
    assert response.status_code == 200
    return response.content.decode()


def test_a_founder_makes_a_channel_leads_it_elsewhere_and_switches_it_off(founder: Client) -> None:
    sent = {"kind": "slack", "name": "Chat", "leads_to": "ftp://x.test/"}
    assert "Only http:// and https:// URLs" in founder.post(f"{ADMIN}channel/add/", sent).content.decode()
    founder.post(f"{ADMIN}channel/add/", {**sent, "leads_to": SECRET})
    channel = Channel.objects.get(name="Chat")
    assert (channel.target, channel.created_by) == (SECRET, "ada@example.test")
    assert channel.rules.count() == 1, "with the usual rule, as on the page"
    change = f"{ADMIN}channel/{channel.pk}/change/"
    founder.post(change, {"enabled": "on", "leads_to": ""})
    founder.post(change, {"leads_to": f"{SECRET}2"})
    channel.refresh_from_db()
    assert (channel.enabled, channel.target) == (False, f"{SECRET}2")
    assert channel.off_because == "Switched off by ada@example.test."
    assert founder.post(f"{ADMIN}channel/{channel.pk}/delete/", {"post": "yes"}).status_code == 403


def test_nobody_sees_where_a_webhook_leads_nor_what_signs(founder: Client, hook: Hook) -> None:
    channel = a_channel("webhook", SECRET)
    viewer = Client()
    viewer.force_login(a_viewer(email="eve@example.test"))
    for client in (founder, viewer):
        shown = page(client, "channel/") + page(client, f"channel/{channel.pk}/change/")
        assert "https://hooks.example.test/…" in shown
        assert "s3cret" not in shown
        assert channel.salt not in shown
        assert "whsec_" not in shown
        assert "webhook channel" not in page(client, "channel/?q=s3cret"), "a search is no way to guess it"
    founder.post(f"{ADMIN}channel/{channel.pk}/change/", {"leads_to": f"{SECRET}3"})
    assert "s3cret" not in page(founder, f"channel/{channel.pk}/history/")


def test_a_founder_makes_mutes_and_removes_a_rule(founder: Client) -> None:
    channel = Channel.objects.get()
    project = a_project(tenant=a_tenant(slug="acme"))
    sent = {"channel": channel.pk, "which": ["control.broken"], "minimum_priority": "P1", "tenant": "nobody"}
    assert "There is no tenant nobody" in founder.post(f"{ADMIN}rule/add/", sent).content.decode()
    founder.post(f"{ADMIN}rule/add/", {**sent, "tenant": "acme"})
    rule = Rule.objects.get(minimum_priority="P1")
    assert (rule.kinds, rule.projects) == (["control.broken"], [project.pk])
    change, until = f"{ADMIN}rule/{rule.pk}/change/", utcnow() + timedelta(days=2)
    mute = {"muted_until_0": f"{until:%Y-%m-%d}", "muted_until_1": f"{until:%H:%M:%S}"}
    assert "Say why" in founder.post(change, {**mute, "muted_because": ""}).content.decode()
    far = founder.post(change, {**mute, "muted_until_0": "2199-01-01", "muted_because": "x"})
    assert "31 days at most" in far.content.decode()
    founder.post(change, {**mute, "muted_because": "The fair"})
    rule.refresh_from_db()
    assert (rule.muted_until, rule.muted_by) == (until.replace(microsecond=0), "ada@example.test")
    founder.post(change, {"muted_until_0": "", "muted_until_1": "", "muted_because": "The fair"})
    rule.refresh_from_db()
    assert (rule.muted_until, rule.muted_because) == (None, "")
    assert founder.post(f"{ADMIN}rule/{rule.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Rule.objects.filter(pk=rule.pk).exists()


@pytest.mark.parametrize("make", [an_engineer, a_viewer])
def test_others_look_and_change_nothing(make: Any, hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    published(title="INC-1 <b>bold</b>")
    worked()
    client = Client()
    client.force_login(make(email="eve@example.test"))
    delivery, notice = Delivery.objects.get(), Notice.objects.get()
    rows = {"channel": channel.pk, "rule": channel.rules.get().pk, "notice": notice.pk, "delivery": delivery.pk}
    for name, pk in rows.items():
        assert page(client, f"{name}/{pk}/change/")
        assert client.post(f"{ADMIN}{name}/add/").status_code == 403
        assert client.post(f"{ADMIN}{name}/{pk}/change/", {"enabled": "on"}).status_code == 403
        assert client.post(f"{ADMIN}{name}/{pk}/delete/", {"post": "yes"}).status_code == 403
    assert "INC-1 &lt;b&gt;bold&lt;/b&gt;" in page(client, "delivery/?state__exact=delivered&q=bold")
    assert "/incidents/INC-1/" in page(client, f"notice/{notice.pk}/change/")


def test_its_lists_ask_as_much_for_many_rows_as_for_few(founder: Client, django_assert_max_num_queries: Any) -> None:
    channel, now = a_channel("slack", SECRET, name="Chat"), utcnow()
    with atomic_write():
        notices = Notice.objects.bulk_create(
            Notice(key=f"INC-{n}:detected", kind="incident.detected", title=f"INC-{n}", at=now) for n in range(300)
        )
        Delivery.objects.bulk_create(
            Delivery(notice=notice, channel=channel, message_id=f"msg_{notice.pk}", created_at=now, state="dead")
            for notice in notices
        )
    for path in ("delivery/", "delivery/?state__exact=dead&q=INC-77", "notice/?q=INC-77&kind=incident.detected"):
        with django_assert_max_num_queries(9):
            assert "INC-77" in page(founder, path) or "q=" not in path
    with django_assert_max_num_queries(9):
        assert "Chat" in page(founder, "rule/")
