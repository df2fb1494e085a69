"""Queries of notifications: the notices."""

from collections.abc import Mapping
from datetime import datetime

from readiness.notifications.models import Notice


def notice_add(*, project_id: int, key: str, at: datetime, fields: Mapping[str, object]) -> tuple[Notice, bool]:
    """The project's notice of that key, and whether it is new: of two that come at once, one is."""
    return Notice.objects.get_or_create(project_id=project_id, key=key, defaults={**fields, "at": at})
