"""Capture's queries: daily partitions, and what retention takes."""

from datetime import date, datetime, timedelta

from django.db import connection

from incidents.errors.models import ErrorEvent, ErrorRollup
from readiness.infra.vendor_sql import moment


def partitions_make(*, first: date, days: int) -> list[str]:
    """Daily partitions on PostgreSQL from `first` on; the names of those made. Elsewhere there are none to make."""
    if connection.vendor != "postgresql":
        return []
    made = []
    with connection.cursor() as cursor:
        for offset in range(days):
            day = first + timedelta(days=offset)
            name = f"infra_error_events_{day:%Y%m%d}"
            cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
            if cursor.fetchone()[0]:
                continue
            cursor.execute(
                "SELECT EXISTS (SELECT 1 FROM infra_error_events_rest WHERE created_at >= %s AND created_at < %s)",
                [day, day + timedelta(days=1)],
            )
            if cursor.fetchone()[0]:
                continue  # that day's events are in the rest already; they stay there
            cursor.execute(
                f"CREATE TABLE {name} PARTITION OF infra_error_events "
                f"FOR VALUES FROM ('{day:%Y-%m-%d} 00:00+00') TO ('{day + timedelta(days=1):%Y-%m-%d} 00:00+00')"
            )
            cursor.execute(
                f"CREATE TRIGGER {name}_no_truncate BEFORE TRUNCATE ON {name} FOR EACH STATEMENT "
                f"EXECUTE FUNCTION readiness_append_only('{name}', 'error_id', 'created_at')"
            )
            made.append(name)
    return made


def partitions_before(day: date) -> list[str]:
    """The daily partitions that end at or before `day`, the oldest first."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid "
            "WHERE i.inhparent = 'infra_error_events'::regclass AND relname ~ '_[0-9]{8}$' "
            "AND right(relname, 8) < %s ORDER BY relname",
            [f"{day:%Y%m%d}"],
        )
        return [row[0] for row in cursor.fetchall()]


def partitions_drop(*, before: date) -> int:
    """Drop the daily partitions that end at or before `before`; the number of events that went with them."""
    gone = 0
    with connection.cursor() as cursor:
        for name in partitions_before(before):
            cursor.execute(f"SELECT count(*) FROM {name}")  # noqa: S608  the catalogue's own name
            gone += cursor.fetchone()[0]
            cursor.execute(f"DROP TABLE {name}")
    return gone


def events_exist_before(cutoff: datetime) -> bool:
    """There is an event older than the cutoff."""
    return ErrorEvent.objects.filter(created_at__lt=cutoff).exists()


def events_delete_before(*, cutoff: datetime, batch: int = 5_000) -> int:
    """Delete a batch of events older than the cutoff (under a permit); how many went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM infra_error_events WHERE (project_id, error_id) IN "
            "(SELECT project_id, error_id FROM infra_error_events WHERE created_at < %s LIMIT %s) AND created_at < %s",
            [moment(cutoff), batch, moment(cutoff)],
        )
        return int(cursor.rowcount)


def events_count_before(*, cutoff: datetime) -> int:
    """Events older than the cutoff."""
    return ErrorEvent.objects.filter(created_at__lt=cutoff).count()


def ledger_forget(*, before: date, batch: int = 20_000) -> int:
    """Forget a batch of the ids of days that retention has taken; how many went."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM infra_error_ids WHERE (project_id, error_id) IN "
            "(SELECT project_id, error_id FROM infra_error_ids WHERE day < %s LIMIT %s)",
            [before.isoformat(), batch],
        )
        return int(cursor.rowcount)


def rollups_forget(*, before: datetime) -> int:
    """Forget the rollups of hours that retention has taken."""
    return ErrorRollup.objects.filter(hour__lt=before).delete()[0]
