"""One attempt of a delivery: claimed, made with no transaction open, and settled.

Exactly once does not exist over HTTP or SMTP: a worker that is killed between a receiver's answer and its own commit
makes the same attempt again, once for each such death. The message's id is then the same, so that receivers can tell.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings

from incidents.triage.workflows.telling import incident_told
from readiness.infra.clock import utcnow
from readiness.infra.notices import notice_publish
from readiness.infra.outbox import outbox_fail, outbox_postpone, outbox_settle
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional
from readiness.notifications.models import Channel, Delivery, Notice
from readiness.notifications.services.kinds import NAMING
from readiness.notifications.services.outcomes import Reached, SendResult, rest_after, told_words
from readiness.notifications.services.signing import secret_make
from readiness.notifications.services.targets import FOUNDERS, addresses_in, addresses_parse
from readiness.notifications.services.wording import LISTED, Telling
from readiness.notifications.store import channels, deliveries, notices
from readiness.notifications.workflows.transports import Sending, attempt
from readiness.tenants.workflows import founder_addresses, tenant_slug_of

# Above the hard limit of the task: an attempt this old has been killed.
LEASE = timedelta(seconds=120)


def delivery_send(*, delivery_id: int) -> SendResult | None:
    """Make one attempt, and note what came of it; None when there was none to make. Raises what ends an attempt that
    is neither the receiver's nor the network's fault, when it has been noted as a failure too.
    """
    sending = delivery_claim(delivery_id=delivery_id)
    if sending is None:
        return None
    try:
        result = attempt(sending)
    except Exception as broken:  # a mistake of ours, or the task's time is up: else it would be tried on without a rest
        error = f"The attempt broke off ({type(broken).__name__}); the console's own errors have more."
        delivery_settle(delivery_id=delivery_id, result=SendResult(error=error))
        raise
    delivery_settle(delivery_id=delivery_id, result=result)
    return result


@transactional(TransactionIntent.LOCKED_MUTATION)
def delivery_claim(txn: SingleConnectionTxn, *, delivery_id: int) -> Sending | None:
    """Take a delivery up. None, and nothing is sent, when it has arrived, when another worker has it in hand, when its
    channel rests (it is tried later) or is switched off (it is given up).
    """
    row = txn.lock_rows(Delivery.objects.filter(pk=delivery_id)).first()
    now = utcnow()
    if row is None or (row.sending_until is not None and row.sending_until > now):
        return None
    if row.state == Delivery.State.DELIVERED:
        outbox_settle(message_id=row.outbox_id)
        return None
    channel = row.channel
    if not channel.enabled:
        _stand(row, state=Delivery.State.DEAD, last_error=f"{channel.name} is switched off.", next_at=None)
        outbox_settle(message_id=row.outbox_id)
        return None
    if channel.rest_until is not None and channel.rest_until > now:
        _stand(row, next_at=channel.rest_until)
        outbox_postpone(message_id=row.outbox_id, until=channel.rest_until)
        return None
    row.attempts += 1
    row.sending_until = now + LEASE
    row.state = Delivery.State.WAITING
    row.save(update_fields=["attempts", "sending_until", "state"])
    return _sending(row, channel, now)


def _stand(row: Delivery, **fields: object) -> None:
    """The delivery, and its members if it is a digest, stand so now."""
    for name, value in fields.items():
        setattr(row, name, value)
    row.save(update_fields=list(fields))
    if row.minute is not None:
        deliveries.members_update(row.pk, fields)


def _sending(row: Delivery, channel: Channel, now: datetime) -> Sending:
    told = [row] if row.minute is None else deliveries.members(row.pk, limit=LISTED)
    is_mail = channel.kind == Channel.Kind.EMAIL
    return Sending(
        delivery_id=row.pk,
        kind=channel.kind,
        message_id=row.message_id,
        tellings=[_telling(one.notice) for one in told if one.notice is not None],
        at=row.minute or now,
        total=0 if row.minute is None else deliveries.members_count(row.pk),
        addresses=_addresses(channel.target, told) if is_mail else (),
        url="" if is_mail else channel.target,
        signing=channel_secrets(channel, now) if channel.kind == Channel.Kind.WEBHOOK else (),
    )


def _addresses(target: str, told: Sequence[Delivery]) -> list[str]:
    """Those of the list; with the founders, whom the notice names: an escalation's step, an edit's reviewers."""
    named = addresses_parse(target)
    founders = founder_addresses() if FOUNDERS in named else []
    naming = [one.notice for one in told if one.notice is not None and one.notice.kind in NAMING]
    reached = [address for notice in naming for address in addresses_in(str(notice.facts.get("To", "")))]
    also = reached if FOUNDERS in named else []
    return list(dict.fromkeys([*founders, *also, *(one for one in named if one != FOUNDERS)]))


def channel_secrets(channel: Channel, now: datetime) -> list[str]:
    """The secrets that sign: the present one, and those before it while it is being replaced."""
    salts = [channel.salt]
    if channel.former_until is not None and channel.former_until > now:
        salts += channel.former_salt.split()
    return [secret_make(salt=salt, hash_key=settings.READINESS_HASH_KEY) for salt in salts]


def _telling(notice: Notice) -> Telling:
    return Telling(
        kind=notice.kind,
        title=notice.title,
        text=notice.text,
        priority=notice.priority,
        url=f"{settings.READINESS_BASE_URL}{notice.page or '/'}",
        at=notice.at,
        project=(tenant_slug_of(project_id=notice.project_id) or "") if notice.project_id else "",
        facts=notice.facts,
    )


# --- what came of it --------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.LOCKED_MUTATION)
def delivery_settle(txn: SingleConnectionTxn, *, delivery_id: int, result: SendResult) -> None:
    """Note an attempt's result: on the delivery, on its channel, in the outbox, and once on the incident's timeline."""
    rows = list(txn.lock_rows(deliveries.told_with(delivery_id)))
    row = next((one for one in rows if one.pk == delivery_id), None)
    if row is None or row.state == Delivery.State.DELIVERED:
        return
    channel = txn.lock_row(Channel, pk=row.channel_id)
    before = _reached(rows)
    now = utcnow()
    next_at = _outbox_note(row, result)
    fields = {
        "state": _state(result, next_at),
        "last_status": result.status,
        "last_error": result.error[:300],
        "next_at": next_at,
        "sending_until": None,
        "first_result_at": row.first_result_at or now,
        "delivered_at": now if result.arrived else None,
    }
    _stand(row, **fields)
    _channel_note(txn, channel, result, now)
    _timelines_note(before, _reached(deliveries.told_with(delivery_id)))


def _outbox_note(row: Delivery, result: SendResult) -> datetime | None:
    if result.arrived:
        outbox_settle(message_id=row.outbox_id)
        return None
    return outbox_fail(message_id=row.outbox_id, error=result.error, not_before=result.retry_after, final=result.final)


def _state(result: SendResult, next_at: datetime | None) -> str:
    if result.arrived:
        return Delivery.State.DELIVERED
    return Delivery.State.DEAD if next_at is None else Delivery.State.WAITING


def _channel_note(txn: SingleConnectionTxn, channel: Channel, result: SendResult, now: datetime) -> None:
    if result.arrived:
        channel.failures, channel.rest_until, channel.last_ok_at = 0, None, now
    else:
        channel.failures += 1
        channel.rest_until = rest_after(failures=channel.failures, now=now)
    if result.gone and channel.enabled:
        channel.enabled, channel.off_because = False, result.error[:200]
        notice_publish(
            txn,
            kind="channel.off",
            key=f"channel:{channel.pk}:off:{now:%Y-%m-%dT%H:%M:%S}",
            title=f"{channel.name} was switched off",
            text=f"{result.error} Nothing goes that way any more until a founder switches it on again.",
            page="/operations/notifications/",
        )
    channel.save(update_fields=["failures", "rest_until", "last_ok_at", "enabled", "off_because"])


def _reached(rows: Iterable[Delivery]) -> dict[int, list[Reached]]:
    names = {channel.pk: channel.name for channel in channels.channels_all()}
    found: dict[int, list[Reached]] = {}
    for one in rows:
        if one.notice_id is not None:
            done = one.state == Delivery.State.DELIVERED
            reached = Reached(names.get(one.channel_id, "a channel"), one.first_result_at is not None, done)
            found.setdefault(one.notice_id, []).append(reached)
    return found


def _timelines_note(before: dict[int, list[Reached]], after: dict[int, list[Reached]]) -> None:
    words = {pk: told_words(before=before.get(pk, []), after=reached) for pk, reached in after.items()}
    for notice in notices.notices_of([pk for pk, text in words.items() if text]):
        incident_told(page=notice.page, text=words[notice.pk])
