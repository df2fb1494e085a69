"""What the page shows: who would be told, by which ways, and how the last ones went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from readiness.infra.clock import utcnow
from readiness.infra.outbox import outbox_dead
from readiness.infra.refusals import Conflict, NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.notifications.models import Channel, Delivery, Notice, Rule
from readiness.notifications.services.kinds import kind_of
from readiness.notifications.services.standing import ChannelStanding, channel_standing, gap_words, rule_words
from readiness.notifications.services.targets import target_words
from readiness.notifications.store import channels, deliveries, notices
from readiness.notifications.workflows.routing import DELIVER_TOPIC, channel_usable, kind_usable
from readiness.notifications.workflows.sending import channel_secrets
from readiness.tenants.workflows import projects_read

LISTED = 25
UNTOLD_LISTED = 5
DEAD_LOOKED_AT = 1_000
UNTOLD_FOR = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class RuleLine:
    rule: Rule
    words: str
    muted: bool


@dataclass(frozen=True, slots=True)
class ChannelLine:
    """`target` without what is secret in it; `last`: its newest delivery."""

    channel: Channel
    target: str
    standing: ChannelStanding
    rules: Sequence[RuleLine]
    last: Delivery | None


@dataclass(frozen=True, slots=True)
class DeliveryLine:
    """`pill`: its kind; `error`: why it has not arrived; `retry`: a person may try it again now."""

    delivery: Delivery
    title: str
    what: str
    pill: str
    word: str
    error: str
    next_at: datetime | None
    retry: bool


@dataclass(frozen=True, slots=True)
class TellingPage:
    """`gap`: why nobody would be told, and what to do; empty as it should be. `reaching`: channels that work."""

    gap: str
    reaching: int
    channels: Sequence[ChannelLine]
    deliveries: Sequence[DeliveryLine]
    given_up: int
    untold: Sequence[Notice]
    test: DeliveryLine | None


@transactional(TransactionIntent.READ_ONLY)
def telling_page_read(session: Session, *, test_id: int = 0) -> TellingPage:
    """Everything on “Who is told?”, in a number of queries that does not grow with what was told."""
    rows = channels.channels_all()
    last = deliveries.last_of_channels()
    named = {pk for row in rows for rule in row.rules.all() for pk in rule.projects}
    slugs = {pk: project.tenant.slug for pk, project in projects_read(project_ids=named).items()}
    lines = [_channel_line(row, last.get(row.pk), slugs) for row in rows]
    recent = deliveries.deliveries_recent(limit=LISTED)
    test = deliveries.delivery_rows(test_id).first() if test_id else None
    dead = outbox_dead(topic=DELIVER_TOPIC, limit=DEAD_LOOKED_AT)
    stranded = deliveries.deliveries_stranded(dead) if dead else {}
    return TellingPage(
        gap=_gap(rows),
        reaching=sum(line.standing.reaches for line in lines),
        channels=lines,
        deliveries=[_delivery_line(row, stranded.get(row.pk, "")) for row in recent],
        given_up=deliveries.deliveries_dead() + len(stranded),
        untold=notices.notices_untold(since=utcnow() - UNTOLD_FOR, limit=UNTOLD_LISTED),
        test=_delivery_line(test) if test is not None else None,
    )


@transactional(TransactionIntent.READ_ONLY)
def telling_gap_read(session: Session) -> str:
    """Why nobody would be told of anything, and the next step; empty when somebody would be. One
    query, of no more than it takes: the home page asks on every look.
    """
    now = utcnow()
    rows = [row for row in channels.channels_muted() if kind_usable(row[1])]
    heard = {pk for pk, _, rule, muted_until in rows if rule is not None and not _is_muted(muted_until, now)}
    return _gap_words(usable=len({pk for pk, *_ in rows}), heard=len(heard))


def _gap(rows: Sequence[Channel]) -> str:
    now = utcnow()
    usable = [row for row in rows if channel_usable(row)]
    heard = [row for row in usable if any(not _is_muted(rule.muted_until, now) for rule in row.rules.all())]
    return _gap_words(usable=len(usable), heard=len(heard))


def _gap_words(*, usable: int, heard: int) -> str:
    return gap_words(usable=usable, heard=heard, mail_server=bool(settings.EMAIL_URL))


def _is_muted(muted_until: datetime | None, now: datetime) -> bool:
    return muted_until is not None and muted_until > now


def _channel_line(row: Channel, last: Delivery | None, slugs: Mapping[int, str]) -> ChannelLine:
    now = utcnow()
    return ChannelLine(
        channel=row,
        target=target_words(kind=row.kind, target=row.target),
        standing=channel_standing(
            enabled=row.enabled, usable=channel_usable(row), failures=row.failures, ever_ok=row.last_ok_at is not None
        ),
        rules=[
            RuleLine(
                rule,
                rule_words(
                    kinds=rule.kinds,
                    minimum_priority=rule.minimum_priority,
                    projects=[slugs.get(pk, f"project {pk}") for pk in rule.projects],
                ),
                _is_muted(rule.muted_until, now),
            )
            for rule in row.rules.all()
        ],
        last=last,
    )


_PILLS = {
    Delivery.State.DELIVERED: ("pass", "Arrived"),
    Delivery.State.DEAD: ("fail", "Given up"),
}


def _delivery_line(row: Delivery, stranded: str = "") -> DeliveryLine:
    """`stranded`: what the outbox says of one that it has given up, whose workers never said how it went."""
    waiting = ("warn", "Tried again") if row.attempts else ("neutral", "Waiting")
    pill, word = _PILLS[Delivery.State.DEAD] if stranded else _PILLS.get(Delivery.State(row.state), waiting)
    held = getattr(row, "held", 0)
    title = row.notice.title if row.notice is not None else f"{held} more notices within a minute"
    what = kind_of(row.notice.kind).title if row.notice is not None else "Digest"
    retry = bool(stranded or (row.state != Delivery.State.DELIVERED and row.attempts))
    next_at = None if stranded else row.next_at
    return DeliveryLine(row, title, what, pill, word, stranded or row.last_error, next_at, retry)


@transactional(TransactionIntent.READ_ONLY)
def channel_secret_read(session: Session, *, channel_id: int) -> tuple[str, str]:
    """The channel's name and the secret that signs by it now. Raises NotFound, Conflict."""
    channel = channels.channel_rows(channel_id).first()
    if channel is None:
        raise NotFound("There is no such channel; the page lists those that there are.")
    if channel.kind != Channel.Kind.WEBHOOK:
        raise Conflict(f"{channel.name} has no secret of ours; only Standard Webhooks are signed.")
    return channel.name, channel_secrets(channel, utcnow())[0]
