"""When an error of a resolved incident means that it happened again."""

from collections.abc import Set
from datetime import datetime


def is_recurrence(*, at: datetime, release: str | None, resolved_at: datetime, releases_before: Set[str]) -> bool:
    """Event time after the resolution, and a release that was not seen before it.

    Late events and old releases never reopen (what Sentry's users suffer from: false regressions from releases that
    are still out there). An event without a release counts by its time.
    """
    return at > resolved_at and (not release or release not in releases_before)
