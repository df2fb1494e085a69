"""What founders set: the ways to tell people, and who hears of what."""

import logging
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from readiness.infra.actor import Actor
from readiness.infra.clock import isoz, utcnow
from readiness.infra.outbox import outbox_retry
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional
from readiness.notifications.models import Channel, Delivery, Rule
from readiness.notifications.services.kinds import TEST
from readiness.notifications.services.muting import mute_plan
from readiness.notifications.services.rules import RULES_LISTED, rule_check
from readiness.notifications.services.signing import salt_make, salts_former
from readiness.notifications.services.targets import target_check, target_clean
from readiness.notifications.store import channels, notices
from readiness.notifications.workflows.routing import channel_usable, delivery_publish, delivery_start

log = logging.getLogger(__name__)
FORMER_SIGNS_FOR = timedelta(hours=24)


@transactional(TransactionIntent.LOCKED_MUTATION)
def channel_create(txn: SingleConnectionTxn, *, name: str, kind: str, target: str, actor: Actor) -> Channel:
    """A new way to tell people, with the usual rule. Raises Invalid."""
    name = " ".join(name.split())
    errors = target_check(kind=kind, target=target)
    if not 0 < len(name) <= 80:
        errors.append(FieldError("/name", "Give it a name of at most 80 characters."))
    elif channels.channel_named(name):
        errors.append(FieldError("/name", f"There is a channel {name} already."))
    if channels.channel_count() >= channels.CHANNELS_LISTED:
        errors.append(FieldError("", f"There are {channels.CHANNELS_LISTED} channels, which is as many as can be."))
    if len(target) > 2_000:
        errors.append(FieldError("/target", "At most 2,000 characters."))
    if errors:
        raise Invalid(f"The channel was not made: {errors[0].detail}", errors=errors)
    now = utcnow()
    made = {"created_at": now, "created_by": actor.name}
    salt = salt_make() if kind == Channel.Kind.WEBHOOK else ""
    clean = target_clean(kind=kind, target=target)
    channel = channels.channel_add({"name": name, "kind": kind, "target": clean, "salt": salt, **made})
    channels.rule_add({"channel": channel, **made})
    log.info("notification channel made", extra={"channel": name, "kind": kind, "actor": actor.name})
    return channel


@transactional(TransactionIntent.LOCKED_MUTATION)
def channel_switch(txn: SingleConnectionTxn, *, channel_id: int, on: bool, actor: Actor) -> Channel:
    """Switch a channel on or off. What still waits for one that is off is given up when its next try comes."""
    channel = _channel_lock(txn, channel_id)
    channel.enabled, channel.off_because = on, "" if on else f"Switched off by {actor.name}."[:200]
    channel.failures, channel.rest_until = 0, None
    channel.save(update_fields=["enabled", "off_because", "failures", "rest_until"])
    log.info("notification channel switched", extra={"channel": channel.name, "on": on, "actor": actor.name})
    return channel


@transactional(TransactionIntent.LOCKED_MUTATION)
def channel_retarget(txn: SingleConnectionTxn, *, channel_id: int, target: str, actor: Actor) -> Channel:
    """Lead a channel elsewhere. Raises Invalid."""
    channel = _channel_lock(txn, channel_id)
    if errors := target_check(kind=channel.kind, target=target):
        raise Invalid(f"{channel.name} was not changed: {errors[0].detail}", errors=errors)
    channel.target = target_clean(kind=channel.kind, target=target)
    channel.failures, channel.rest_until = 0, None
    channel.save(update_fields=["target", "failures", "rest_until"])
    log.info("notification channel leads elsewhere", extra={"channel": channel.name, "actor": actor.name})
    return channel


@transactional(TransactionIntent.LOCKED_MUTATION)
def channel_rotate(txn: SingleConnectionTxn, *, channel_id: int, actor: Actor) -> Channel:
    """A new secret; the old one signs beside it for a day, so that no message is refused meanwhile, and so do those
    that were being replaced. Raises Conflict.
    """
    channel = _channel_lock(txn, channel_id)
    if channel.kind != Channel.Kind.WEBHOOK:
        raise Conflict(f"{channel.name} has no secret of ours; only Standard Webhooks are signed.")
    now = utcnow()
    still = channel.former_until is not None and channel.former_until > now
    channel.former_salt = salts_former(salt=channel.salt, former=channel.former_salt, still=still)
    channel.former_until = now + FORMER_SIGNS_FOR
    channel.salt = salt_make()
    channel.save(update_fields=["salt", "former_salt", "former_until"])
    log.info("notification secret replaced", extra={"channel": channel.name, "actor": actor.name})
    return channel


@transactional(TransactionIntent.LOCKED_MUTATION)
def channel_test(txn: SingleConnectionTxn, *, channel_id: int, actor: Actor) -> Delivery:
    """Send a test by the way that every notice takes. Raises Conflict for a channel that can send nothing."""
    channel = _channel_lock(txn, channel_id)
    if not channel_usable(channel):
        why = "it is switched off" if not channel.enabled else "there is no mail server; set EMAIL_URL and start again"
        raise Conflict(f"{channel.name} can send nothing: {why}.")
    channel.rest_until = None  # whoever asks does not wait until it has rested
    channel.save(update_fields=["rest_until"])
    now = utcnow()
    fields = {
        "kind": TEST,
        "title": f"A test of {channel.name}",
        "text": f"{actor.name} sent this to see whether it arrives. Nothing has happened.",
        "page": "/operations/notifications/",
    }
    notice, _ = notices.notice_add(project_id=0, key=f"test:{uuid.uuid4().hex}", at=now, fields=fields)
    return delivery_start(txn, channel=channel, notice=notice, now=now)


def _channel_lock(txn: SingleConnectionTxn, channel_id: int) -> Channel:
    channel = txn.lock_rows(channels.channel_rows(channel_id)).first()
    if channel is None:
        raise NotFound("There is no such channel; the page lists those that there are.")
    return channel


# --- rules ------------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.LOCKED_MUTATION)
def rule_create(
    txn: SingleConnectionTxn,
    *,
    channel_id: int,
    kinds: Sequence[str],
    minimum_priority: str,
    projects: Sequence[int],
    actor: Actor,
) -> Rule:
    """Let these notices through a channel too. Raises Invalid, NotFound."""
    channel = _channel_lock(txn, channel_id)
    if errors := rule_check(kinds=kinds, minimum_priority=minimum_priority):
        raise Invalid(f"The rule was not made: {errors[0].detail}", errors=errors)
    if channels.rules_count() >= RULES_LISTED:
        raise Invalid(f"There are {RULES_LISTED} rules, which is as many as can be; remove one first.")
    fields = {"kinds": list(kinds), "minimum_priority": minimum_priority, "projects": list(projects)}
    rule = channels.rule_add({"channel": channel, **fields, "created_at": utcnow(), "created_by": actor.name})
    log.info("notification rule made", extra={"channel": channel.name, **fields, "actor": actor.name})
    return rule


@transactional(TransactionIntent.LOCKED_MUTATION)
def rule_remove(txn: SingleConnectionTxn, *, rule_id: int, actor: Actor) -> str:
    """Take a rule away; the channel's name. Raises NotFound."""
    rule = _rule_lock(txn, rule_id)
    name = rule.channel.name
    rule.delete()
    log.info("notification rule removed", extra={"channel": name, "actor": actor.name})
    return name


@transactional(TransactionIntent.LOCKED_MUTATION)
def rule_mute(
    txn: SingleConnectionTxn, *, rule_id: int, span: str, because: str, actor: Actor, until: datetime | None = None
) -> Rule:
    """Keep a rule quiet: `span` is hour, day, week, or `until` with its time. Raises Invalid, NotFound."""
    rule = _rule_lock(txn, rule_id)
    mute = mute_plan(span=span, until=until, because=because, now=utcnow())
    _mute_set(rule, until=mute.until, by=actor.name, because=mute.because)
    log.info(
        "notification rule muted",
        extra={"channel": rule.channel.name, "until": isoz(mute.until), "because": mute.because, "actor": actor.name},
    )
    return rule


@transactional(TransactionIntent.LOCKED_MUTATION)
def rule_unmute(txn: SingleConnectionTxn, *, rule_id: int, actor: Actor) -> Rule:
    """Let a rule be heard again. Raises NotFound."""
    rule = _rule_lock(txn, rule_id)
    _mute_set(rule, until=None, by="", because="")
    log.info("notification rule is heard again", extra={"channel": rule.channel.name, "actor": actor.name})
    return rule


def _mute_set(rule: Rule, *, until: datetime | None, by: str, because: str) -> None:
    rule.muted_until, rule.muted_by, rule.muted_because = until, by[:254], because
    rule.save(update_fields=["muted_until", "muted_by", "muted_because"])


def _rule_lock(txn: SingleConnectionTxn, rule_id: int) -> Rule:
    rule = txn.lock_rows(channels.rule_rows(rule_id)).first()
    if rule is None:
        raise NotFound("There is no such rule any more; somebody may have removed it.")
    return rule


# --- deliveries -------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.LOCKED_MUTATION)
def delivery_retry(txn: SingleConnectionTxn, *, delivery_id: int, actor: Actor) -> str:
    """Try a delivery again that was given up, or not later but now; its channel's name. Raises NotFound, Conflict."""
    row = txn.lock_rows(Delivery.objects.filter(pk=delivery_id, digest=None)).first()
    if row is None:
        raise NotFound("There is no such delivery; retention may have forgotten it.")
    if row.state == Delivery.State.DELIVERED:
        raise Conflict("It has arrived already; nothing is sent twice.")
    channel = _channel_lock(txn, row.channel_id)
    if not channel.enabled:
        raise Conflict(f"{channel.name} is switched off; switch it on first.")
    channel.rest_until = None
    channel.save(update_fields=["rest_until"])
    row.state, row.next_at = Delivery.State.WAITING, utcnow()
    row.save(update_fields=["state", "next_at"])
    try:
        outbox_retry(message_id=row.outbox_id)
    except (NotFound, Conflict):  # its message is done with: it gets another
        delivery_publish(txn, row, channel)
    log.info("notification is tried again", extra={"delivery": row.pk, "actor": actor.name})
    return channel.name
