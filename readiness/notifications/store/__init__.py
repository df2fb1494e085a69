"""Queries of notifications."""

from readiness.notifications.store.notices import notice_add

__all__ = ["notice_add"]
