"""Queries of notifications: what goes through which channel, and how far it has come."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from readiness.notifications.models import Channel, Delivery


def singles_since(*, channel_id: int, since: datetime) -> int:
    """How many notices a channel was given since then on their own; those in a digest do not count."""
    singles = Delivery.objects.filter(channel_id=channel_id, created_at__gte=since, digest=None, minute=None)
    return singles.count()


def delivery_add(fields: Mapping[str, object]) -> Delivery:
    return Delivery.objects.create(**fields)


def delivery_outbox_set(delivery: Delivery, outbox_id: int) -> None:
    """The message that brings its attempts."""
    Delivery.objects.filter(pk=delivery.pk).update(outbox_id=outbox_id)


def digest_rows(*, channel_id: int, minute: datetime) -> QuerySet[Delivery]:
    """A channel's digest of that minute, to be locked."""
    return Delivery.objects.filter(channel_id=channel_id, minute=minute)


def delivery_rows(delivery_id: int) -> QuerySet[Delivery]:
    """One delivery, to be locked."""
    return Delivery.objects.select_related("channel", "notice").filter(pk=delivery_id)


def members(delivery_id: int, *, limit: int) -> list[Delivery]:
    """The first notices of a digest."""
    rows = Delivery.objects.select_related("notice").filter(digest_id=delivery_id).order_by("pk")
    return list(rows[:limit])


def members_count(delivery_id: int) -> int:
    return Delivery.objects.filter(digest_id=delivery_id).count()


def told_with(delivery_id: int) -> QuerySet[Delivery]:
    """A delivery, a digest's members, and every other delivery of the same notices, in the order they are locked."""
    own = Q(pk=delivery_id) | Q(digest_id=delivery_id)
    notices = Delivery.objects.filter(own, notice__isnull=False).values("notice_id")
    return Delivery.objects.filter(own | Q(notice_id__in=notices)).order_by("pk")


def members_update(delivery_id: int, fields: Mapping[str, object]) -> None:
    """A digest's members stand as it does."""
    Delivery.objects.filter(digest_id=delivery_id).update(**fields)


def deliveries_recent(*, limit: int) -> list[Delivery]:
    """The newest, those that wait in a digest under it, not beside it; with what they tell."""
    rows = Delivery.objects.filter(digest=None).select_related("channel", "notice").annotate(held=Count("members"))
    return list(rows.order_by("-created_at", "-pk")[:limit])


def deliveries_dead() -> int:
    return Delivery.objects.filter(state=Delivery.State.DEAD, digest=None).count()


def deliveries_stranded(messages: Mapping[int, str]) -> dict[int, str]:
    """delivery → the outbox's last word on it, of those that wait for one of these dead messages (by number)."""
    waiting = Delivery.objects.filter(state=Delivery.State.WAITING, digest=None, outbox_id__in=list(messages))
    return {pk: messages[outbox_id] for pk, outbox_id in waiting.values_list("pk", "outbox_id")}


def last_of_channels() -> dict[int, Delivery]:
    """Each channel's newest delivery; one step down the index for each channel."""
    newest = Delivery.objects.filter(channel=OuterRef("pk"), digest=None).order_by("-created_at").values("pk")[:1]
    keys = Channel.objects.annotate(last=Subquery(newest)).values("last")
    return {row.channel_id: row for row in Delivery.objects.filter(pk__in=keys).select_related("notice")}


def deliveries_before(moment: datetime) -> QuerySet[Delivery]:
    """Those of notices from before then, and digests."""
    return Delivery.objects.filter(created_at__lt=moment)
