"""The ledger: a retry is one event, another error under a taken id is kept, and nothing recorded is changed."""

import datetime as dt

import pytest
from django.db import connection
from django.db.utils import DatabaseError

from incidents.errors.models import ErrorEvent, ErrorId
from incidents.errors.workflows import errors_commit
from incidents.triage.models import Incident
from readiness.infra.append_only import missing_triggers
from readiness.infra.transactions import atomic_write
from tests.factories import a_captured_error

pytestmark = pytest.mark.django_db


def test_it_stores_a_retry_once() -> None:
    error = a_captured_error()
    first = errors_commit(errors=[error])[0]
    again = errors_commit(errors=[error])[0]
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (again.error_id, again.incident) == (first.error_id, first.incident)
    assert ErrorEvent.objects.count() == 1
    assert Incident.objects.get().occurrences == 1


def test_it_stores_a_retry_in_the_same_batch_once() -> None:
    error = a_captured_error()
    answers = errors_commit(errors=[error, error, error])
    assert [answer.duplicate for answer in answers] == [False, True, True]
    assert Incident.objects.get().occurrences == 1


def test_it_knows_a_retry_after_midnight() -> None:
    error = a_captured_error()
    errors_commit(errors=[error])
    with atomic_write():
        ErrorId.objects.update(day=ErrorId.objects.get().day - dt.timedelta(days=1))
    assert errors_commit(errors=[error])[0].duplicate
    assert ErrorEvent.objects.count() == 1


def test_it_keeps_another_error_under_a_taken_id() -> None:
    one = a_captured_error(event_id="a" * 32)
    other = a_captured_error(event_id="a" * 32, message="quite another", exception=None)
    stored = errors_commit(errors=[one, other])
    assert stored[0].error_id == "err_" + "a" * 32
    assert stored[1].error_id != stored[0].error_id
    assert errors_commit(errors=[other])[0] == stored[1].__class__(stored[1].error_id, True, stored[1].incident)
    assert ErrorEvent.objects.count() == 2


def test_it_keeps_the_same_id_of_two_projects_apart() -> None:
    errors_commit(
        errors=[a_captured_error(event_id="b" * 32, project_id=1), a_captured_error(event_id="b" * 32, project_id=2)]
    )
    assert ErrorEvent.objects.count() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE infra_error_events SET message = 'nothing happened'",
        "DELETE FROM infra_error_events",
    ],
)
def test_it_refuses_raw_changes(statement: str) -> None:
    errors_commit(errors=[a_captured_error()])
    with pytest.raises(DatabaseError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert ErrorEvent.objects.get().message == "'total'"


def test_it_refuses_truncate() -> None:
    if connection.vendor != "postgresql":
        assert missing_triggers(connection) == []  # SQLite knows no TRUNCATE; its DELETE is refused above
        return
    errors_commit(errors=[a_captured_error()])
    for table in ("infra_error_events", "infra_error_events_rest"):
        with pytest.raises(DatabaseError, match="append-only"), atomic_write(), connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {table}")
    assert ErrorEvent.objects.count() == 1


def test_insert_or_replace_changes_nothing() -> None:
    errors_commit(errors=[a_captured_error(event_id="c" * 32)])
    columns = ",".join(field.column for field in ErrorEvent._meta.concrete_fields if field.column)
    chosen = columns.replace("message", "'replaced' AS message", 1)
    verb = "INSERT OR REPLACE INTO" if connection.vendor == "sqlite" else "INSERT INTO"
    tail = "" if connection.vendor == "sqlite" else " ON CONFLICT DO NOTHING"
    with atomic_write(), connection.cursor() as cursor:
        cursor.execute(f"{verb} infra_error_events ({columns}) SELECT {chosen} FROM infra_error_events{tail}")
    assert ErrorEvent.objects.get().message == "'total'"


def test_every_promise_has_its_trigger() -> None:
    assert missing_triggers(connection) == []
