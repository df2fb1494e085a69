"""A published notice is kept, once, and handed to each channel that a rule lets it through."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_publish
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional
from readiness.notifications.models import Channel, Delivery, Notice, Rule
from readiness.notifications.services.outcomes import SINGLES_A_MINUTE, minute_of
from readiness.notifications.services.rules import RuleFacts, rule_matches
from readiness.notifications.store import channels, deliveries, notices

DELIVER_TOPIC = "notice.deliver"


@transactional(TransactionIntent.LOCKED_MUTATION)
def notice_receive(txn: SingleConnectionTxn, *, key: str, payload: Mapping[str, Any]) -> bool:
    """Keep a published notice, and give it to the channels; False when the same thing has been told before."""
    now = utcnow()
    fields = {name: payload[name] for name in ("kind", "title", "text", "priority", "page", "facts")}
    notice, new = notices.notice_add(project_id=payload["project_id"], key=key, at=now, fields=fields)
    if new:
        for channel in channels.channels_enabled():
            if channel_usable(channel) and any(_lets_through(rule, notice, now) for rule in channel.rules.all()):
                _give(txn, notice, channel, now)
    return new


def channel_usable(channel: Channel) -> bool:
    """Can anything be sent by it? Mail needs a mail server."""
    return channel.enabled and kind_usable(channel.kind)


def kind_usable(kind: str) -> bool:
    """Mail needs a mail server."""
    return kind != Channel.Kind.EMAIL or bool(settings.EMAIL_URL)


def rule_facts(rule: Rule) -> RuleFacts:
    """What the service asks of a rule."""
    return RuleFacts(rule.kinds, rule.minimum_priority, rule.projects, rule.muted_until)


def _lets_through(rule: Rule, notice: Notice, now: datetime) -> bool:
    return rule_matches(
        rule=rule_facts(rule), kind=notice.kind, priority=notice.priority, project_id=notice.project_id, now=now
    )


def _give(txn: SingleConnectionTxn, notice: Notice, channel: Channel, now: datetime) -> None:
    """On its own; from the eleventh of a minute on in the minute's digest, so that a storm is one message more."""
    if deliveries.singles_since(channel_id=channel.pk, since=minute_of(now)) < SINGLES_A_MINUTE:
        delivery_start(txn, channel=channel, notice=notice, now=now)
    else:
        digest = _digest_open(txn, channel, now)
        deliveries.delivery_add({**_fields(channel, now, notice), "digest": digest})


def _digest_open(txn: SingleConnectionTxn, channel: Channel, now: datetime) -> Delivery:
    """The channel's digest of this minute, locked; of the next, if this one has been taken up already."""
    minute = minute_of(now)
    while True:
        digest = txn.lock_rows(deliveries.digest_rows(channel_id=channel.pk, minute=minute)).first()
        if digest is None:
            due = minute + timedelta(minutes=1)
            return delivery_start(txn, channel=channel, minute=minute, now=now, due_at=due)
        if digest.attempts == 0:
            return digest
        minute += timedelta(minutes=1)


def delivery_start(
    session: Session,
    *,
    channel: Channel,
    now: datetime,
    notice: Notice | None = None,
    minute: datetime | None = None,
    due_at: datetime | None = None,
) -> Delivery:
    """A delivery, and the outbox message that brings its attempts."""
    delivery = deliveries.delivery_add({**_fields(channel, now, notice), "minute": minute, "next_at": due_at or now})
    delivery_publish(session, delivery, channel, due_at=due_at)
    return delivery


def delivery_publish(session: Session, delivery: Delivery, channel: Channel, due_at: datetime | None = None) -> None:
    """The message that brings the delivery's attempts."""
    what = f"digest of {delivery.minute:%Y-%m-%d %H:%M} UTC" if delivery.notice is None else delivery.notice.key
    outbox_id = outbox_publish(
        session,
        topic=DELIVER_TOPIC,
        key=f"{what} by {channel.name}"[:200],
        payload={"delivery_id": delivery.pk},
        project_id=delivery.project_id,
        due_at=due_at,
    )
    deliveries.delivery_outbox_set(delivery, outbox_id)
    delivery.outbox_id = outbox_id


def _fields(channel: Channel, now: datetime, notice: Notice | None) -> dict[str, Any]:
    return {
        "project_id": notice.project_id if notice is not None else 0,
        "notice": notice,
        "channel": channel,
        "message_id": f"msg_{uuid.uuid4().hex}",  # no dot in it: the specification signs id.timestamp.body
        "created_at": now,
    }
