"""Queries of notifications: the notices."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import QuerySet

from readiness.notifications.models import Notice


def notice_add(*, project_id: int, key: str, at: datetime, fields: Mapping[str, object]) -> tuple[Notice, bool]:
    """The project's notice of that key, and whether it is new: of two that come at once, one is."""
    return Notice.objects.get_or_create(project_id=project_id, key=key, defaults={**fields, "at": at})


def notices_untold(*, since: datetime, limit: int) -> list[Notice]:
    """The newest that went to nobody: no rule named them, or nobody could be told."""
    return list(Notice.objects.filter(at__gte=since, deliveries=None).order_by("-at", "-pk")[:limit])


def notices_before(moment: datetime) -> QuerySet[Notice]:
    """Those that retention lets go; none that a delivery still names."""
    return Notice.objects.filter(at__lt=moment, deliveries=None)


def notices_of(keys: list[int]) -> list[Notice]:
    return list(Notice.objects.filter(pk__in=keys))
