"""Queries of operations: what the probes ask."""

from functools import cache

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from readiness.infra import append_only
from readiness.infra.broker import redis_client
from readiness.infra.heartbeat import signs_read
from readiness.operations.services.health import WorkerSigns


def database_answer() -> str:
    """Ask the database something that reaches its files; the vendor's name. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
    return connection.display_name


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of every app, read from the code once: it does not change while a process runs."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def migrations_missing() -> list[str]:
    """Apps whose newest migration the database lacks. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    return sorted(f"{app}.{name}" for app, name in _newest_migrations() - applied)


def triggers_missing() -> list[str]:
    """Append-only triggers that the database lacks. Raises django.db.Error."""
    return append_only.missing_triggers(connection)


def broker_ping() -> None:
    """Raises redis.RedisError or ValueError (a REDIS_URL of an unknown scheme)."""
    redis_client(settings.REDIS_URL).ping()


def worker_signs() -> WorkerSigns:
    """Raises redis.RedisError."""
    consumed_at, workers = signs_read(redis_client(settings.REDIS_URL))
    return WorkerSigns(
        consumed_at=consumed_at,
        present=tuple(workers),
        busy=tuple(task for worker in workers.values() for task in worker.busy),
        slots=sum(worker.slots for worker in workers.values()),
    )
