"""PostgreSQL's timestamps, read by the standard library.

Django's loader reads each by a regular expression and six conversions, to give it the connection's time zone. Ours is
UTC (settings.TIME_ZONE), and `datetime.fromisoformat` reads what PostgreSQL writes: a page reads hundreds of them, and
each costs a thirtieth.
"""

from datetime import UTC, datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.abc import Buffer
from psycopg.types.datetime import TimestamptzLoader


class UtcTimestampLoader(TimestamptzLoader):
    """`2026-11-21 22:54:00.5+00` as an aware time. Django asks a loader for its `timezone` before each cursor."""

    timezone = UTC

    def load(self, data: Buffer) -> datetime:
        try:
            moment = datetime.fromisoformat(str(data, "ascii"))
        except ValueError:  # infinity, a year before the first or after 9999: psycopg's own words say so
            return super().load(data)
        return moment if moment.tzinfo is UTC else moment.astimezone(UTC)


def install_timestamps(connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receiver of connection_created: PostgreSQL's connections in UTC get the loader."""
    if connection.vendor == "postgresql" and connection.timezone == UTC:
        connection.connection.adapters.register_loader("timestamptz", UtcTimestampLoader)
