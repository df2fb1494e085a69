"""/readyz against a real database, with no broker running: each check fails for its own reason and says the mend."""

from typing import Any

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from readiness.infra.append_only import append_only_tables

pytestmark = pytest.mark.django_db


def _checks(client: Client, path: str = "/readyz") -> dict[str, dict[str, Any]]:
    answer = client.get(path)
    assert answer.status_code == 503  # there is no broker, and so no worker
    assert answer["Cache-Control"] == "no-store"
    return {check["name"]: check for check in answer.json()["checks"]}


def test_it_passes_what_is_in_order_and_fails_the_rest(client: Client) -> None:
    for path in ("/readyz", "/health"):
        checks = _checks(client, path)
        assert {name: check["status"] for name, check in checks.items()} == {
            "database": "pass",
            "migrations": "pass",
            "append_only": "pass",
            "broker": "fail",
            "worker": "fail",
        }
        assert checks["broker"]["mend"].startswith("Start the broker")
        assert checks["worker"]["detail"] == "Cannot be checked: the broker does not answer."
        assert all(check["latency_ms"] >= 0 for check in checks.values())


def test_it_fails_while_a_migration_is_missing(client: Client) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="tenants").latest("pk")
    newest.delete()
    check = _checks(client)["migrations"]
    assert check["status"] == "fail"
    assert f"tenants.{newest.name}" in check["detail"]
    assert check["mend"] == "Run `manage.py migrate`."


def test_it_fails_while_an_append_only_trigger_is_missing(client: Client) -> None:
    table = min(append_only_tables())
    name = f"{table}_append_only ON {table}" if connection.vendor == "postgresql" else f"{table}_no_update"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {name}")
    check = _checks(client)["append_only"]
    assert check["status"] == "fail"
    assert name.split(maxsplit=1)[0] in check["detail"]


@pytest.mark.sqlite_only
def test_it_fails_when_the_database_is_no_database(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_migrations RENAME TO gone")
    checks = _checks(client)
    assert checks["database"]["status"] == "fail"
    assert checks["migrations"]["detail"] == "Cannot be checked: the database does not answer."


def test_it_says_nothing_of_addresses_and_passwords(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    answer = client.get("/readyz").content.decode()
    assert "secret" not in answer
    assert "127.0.0.1" not in answer


def test_it_is_alive_without_asking_anybody(client: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert client.post("/healthz").status_code == 405
