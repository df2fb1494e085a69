"""Times come out of PostgreSQL as they went in: aware, in UTC, to the microsecond."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection
from django.db.utils import DataError
from psycopg import DataError as PsycopgDataError

from readiness.infra.timestamps import UtcTimestampLoader

TIMES = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 21, 22, 54, tzinfo=UTC),
    datetime(2026, 11, 21, 22, 54, 0, 500_000, tzinfo=UTC),
    datetime(2026, 11, 21, 22, 54, 0, 120, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
]


@pytest.mark.postgres_only
@pytest.mark.django_db
def test_it_reads_back_what_was_written() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(["%s::timestamptz"] * len(TIMES)), TIMES)
        read = cursor.fetchone()
        used = connection.connection.adapters.get_loader(1184, 0)
    assert list(read) == TIMES
    assert {moment.tzinfo for moment in read} == {UTC}
    assert used is UtcTimestampLoader


@pytest.mark.postgres_only
@pytest.mark.django_db
@pytest.mark.parametrize("text", ["infinity", "0044-03-15 12:00:00+00 BC"])
def test_it_says_what_python_cannot_hold(text: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::timestamptz", [text])
        with pytest.raises((DataError, PsycopgDataError), match="timestamp"):
            cursor.fetchone()
