"""Channels that lead to real receivers, and the steps that a worker would take."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.notices import notice_publish
from readiness.infra.outbox import outbox_deliver
from readiness.infra.transactions import atomic_write
from readiness.notifications.models import Channel, Rule
from readiness.notifications.workflows import delivery_send
from readiness.notifications.workflows.channels import channel_create
from tests.factories import ANYBODY
from tests.notifications.receivers import Hook, MailServer, a_hook, a_mail_server

_sent: list[int] = []


@pytest.fixture(autouse=True)
def no_broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What would be sent to the broker is done by `worked`; loopback is where the receivers are."""
    _sent.clear()
    monkeypatch.setattr("celery.Celery.send_task", lambda self, name, args, **_: _sent.extend(args))
    settings.READINESS_OUTBOUND_ALLOW = [ip_network("127.0.0.0/8")]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with a_hook() as receiver:
        yield receiver


@pytest.fixture
def mail_server(settings: Any) -> Iterator[MailServer]:
    with a_mail_server() as server:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
        settings.EMAIL_URL = f"smtp://127.0.0.1:{server.port}"
        yield server


def a_channel(kind: str, target: str, *, name: str = "", kinds: list[str] | None = None, **rule: Any) -> Channel:
    """A channel with one rule, which lets everything through unless told otherwise."""
    channel = channel_create(name=name or f"{kind} channel", kind=kind, target=target, actor=ANYBODY)
    with atomic_write():
        Rule.objects.filter(channel=channel).update(kinds=kinds or [], **rule)
    return channel


def published(key: str = "INC-1:detected", **fields: Any) -> None:
    known: dict[str, Any] = {"kind": "incident.detected", "title": "INC-1 It broke", "text": "Look at it."}
    with atomic_write() as session:
        notice_publish(session, key=key, **{**known, "priority": "P0", "page": "/incidents/INC-1/", **fields})


def delivered_by_outbox() -> None:
    """All that is due, also what the first round published."""
    outbox_deliver()
    outbox_deliver()


def worked() -> None:
    """What the outbox and the worker do with what is due."""
    delivered_by_outbox()
    while _sent:
        delivery_send(delivery_id=_sent.pop(0))


def made_due() -> None:
    """The pauses are over."""
    with atomic_write():
        OutboxMessage.objects.filter(delivered_at=None).update(due_at=utcnow())
        Channel.objects.update(rest_until=None)
