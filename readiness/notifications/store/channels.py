"""Queries of notifications: channels and their rules."""

from collections.abc import Mapping
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from readiness.infra.vendor_sql import moment_read
from readiness.notifications.models import Channel, Rule

CHANNELS_LISTED = 50
RULES_READ = 20  # of a channel, on the average
_MUTED = """
SELECT channel.id, channel.kind, rule.id, rule.muted_until
FROM notifications_channel channel LEFT JOIN notifications_rule rule ON rule.channel_id = channel.id
WHERE channel.enabled ORDER BY channel.id LIMIT %s
"""


def channels_all() -> list[Channel]:
    """Every channel by name, with its rules; founders make them by hand, so there are few."""
    return list(Channel.objects.prefetch_related("rules")[:CHANNELS_LISTED])


def channels_enabled() -> list[Channel]:
    """Those that something may be sent by, with their rules."""
    return list(Channel.objects.filter(enabled=True).prefetch_related("rules")[:CHANNELS_LISTED])


def channels_muted() -> list[tuple[int, str, int | None, datetime | None]]:
    """(channel, its kind, rule, until when it is muted) of those that something may be sent by; a channel without rules
    has one row without. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_MUTED, [CHANNELS_LISTED * RULES_READ])
        return [(channel, kind, rule, moment_read(until)) for channel, kind, rule, until in cursor.fetchall()]


def channel_rows(channel_id: int) -> QuerySet[Channel]:
    """One channel, to be locked."""
    return Channel.objects.filter(pk=channel_id)


def channel_named(name: str) -> bool:
    """Is there one of that name?"""
    return Channel.objects.filter(name__iexact=name).exists()


def channel_count() -> int:
    return Channel.objects.count()


def channel_add(fields: Mapping[str, object]) -> Channel:
    return Channel.objects.create(**fields)


def rules_count() -> int:
    return Rule.objects.count()


def rule_add(fields: Mapping[str, object]) -> Rule:
    return Rule.objects.create(**fields)


def rule_rows(rule_id: int) -> QuerySet[Rule]:
    """One rule with its channel."""
    return Rule.objects.select_related("channel").filter(pk=rule_id)
