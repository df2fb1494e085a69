"""The one clock: aware UTC datetimes in, ISO 8601 with `Z` out."""

from datetime import UTC, datetime


def utcnow() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def isoz(moment: datetime | None) -> str | None:
    """ISO 8601 UTC with `Z` and at most microseconds (INTERFACES: every time that leaves the console)."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
