"""Transaction intents: checked when a module is imported, and again at each statement on both databases."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection

from readiness.infra import transactions
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import (
    IntentViolationError,
    Session,
    SingleConnectionTxn,
    TransactionIntent,
    atomic_write,
    current_session,
    read_session,
    savepoint,
    schema_change,
    single_connection_transaction,
    transactional,
)

SCOPES = {"READ_ONLY": read_session, "ATOMIC_WRITE": atomic_write, "LOCKED_MUTATION": single_connection_transaction}
READ_ONLY, ATOMIC_WRITE, LOCKED_MUTATION = TransactionIntent


def a_message(key: str = "k") -> OutboxMessage:
    now = utcnow()
    return OutboxMessage.objects.create(topic="test", key=key, created_at=now, due_at=now)


def run(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A registry of its own, so that the functions below do not stand in the program's."""
    mine: dict[str, Any] = {}
    monkeypatch.setattr(transactions, "_INTENT_REGISTRY", mine)
    return mine


# --- at decoration ------------------------------------------------------------------------------------------------


def _no_parameter() -> None: ...


def _wrong_name(connection: Session) -> None: ...


def _no_annotation(session) -> None: ...  # type: ignore[no-untyped-def]


def _session(session: Session) -> None: ...


def _txn(txn: SingleConnectionTxn) -> None: ...


def _txn_called_session(session: SingleConnectionTxn) -> None: ...


def _session_called_txn(txn: Session) -> None: ...


@pytest.mark.parametrize(
    ("intent", "function"),
    [
        *[(intent, function) for intent in TransactionIntent for function in (_no_parameter, _wrong_name)],
        (READ_ONLY, _no_annotation),
        (READ_ONLY, _txn),
        (READ_ONLY, _txn_called_session),
        (ATOMIC_WRITE, _txn),
        (ATOMIC_WRITE, _txn_called_session),
        (LOCKED_MUTATION, _session),
        (LOCKED_MUTATION, _session_called_txn),
    ],
)
def test_it_refuses_a_signature_that_does_not_fit_the_intent(
    registry: dict[str, Any], intent: TransactionIntent, function: Callable[..., None]
) -> None:
    with pytest.raises(IntentViolationError, match=intent.value):
        transactional(intent)(function)
    assert registry == {}


def test_it_lists_each_use_case_in_the_registry(registry: dict[str, Any]) -> None:
    transactional(LOCKED_MUTATION)(_txn)
    transactional(READ_ONLY)(_session)
    assert {key.rpartition(".")[2]: entry.intent for key, entry in registry.items()} == {
        "_txn": LOCKED_MUTATION,
        "_session": READ_ONLY,
    }


# --- what each intent may do ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_refuses_a_write_without_an_intent() -> None:
    with pytest.raises(IntentViolationError, match="infra_outbox without a declared intent"):
        a_message()


WRITES = [
    "INSERT INTO infra_outbox (topic) VALUES ('x')",
    "UPDATE infra_outbox SET topic = 'x'",
    "UPDATE \"infra_outbox\" SET topic = 'x'",
    "DELETE FROM infra_outbox",
    "\n      DELETE FROM infra_outbox",
    "/* a comment */ DELETE FROM infra_outbox",
    "-- a comment\nDELETE FROM infra_outbox",
    "WITH old AS (SELECT 1 AS id) DELETE FROM infra_outbox WHERE id IN (SELECT id FROM old)",
    "WITH new AS (SELECT 'x' AS topic) UPDATE infra_outbox SET topic = (SELECT topic FROM new)",
    "insert into infra_outbox (topic) values ('x')",
]
SQLITE_WRITES = [
    "INSERT OR REPLACE INTO infra_outbox (topic) VALUES ('x')",
    "UPDATE OR IGNORE infra_outbox SET topic = 'x'",
    "REPLACE INTO infra_outbox (topic) VALUES ('x')",
]
POSTGRES_WRITES = [
    "TRUNCATE infra_outbox",
    "TRUNCATE TABLE ONLY infra_outbox",
    "UPDATE ONLY infra_outbox SET topic = 'x'",
    "MERGE INTO infra_outbox USING infra_outbox AS o ON false WHEN MATCHED THEN DELETE",
]


@pytest.mark.django_db
@pytest.mark.parametrize("sql", [*WRITES, *SQLITE_WRITES, *POSTGRES_WRITES])
def test_it_refuses_raw_writes_before_they_reach_the_database(sql: str) -> None:
    with pytest.raises(IntentViolationError, match="infra_outbox without a declared intent"):
        run(sql)
    with read_session(), pytest.raises(IntentViolationError, match="inside a READ_ONLY"):
        run(sql)


@pytest.mark.django_db
@pytest.mark.parametrize("intent", ["ATOMIC_WRITE", "LOCKED_MUTATION"])
def test_it_lets_a_declared_write_through(intent: str) -> None:
    with SCOPES[intent]():
        a_message()
        run("UPDATE infra_outbox SET topic = 'raw'")
        run("WITH x AS (SELECT id FROM infra_outbox) UPDATE infra_outbox SET key = 'w' WHERE id IN (SELECT id FROM x)")
    assert OutboxMessage.objects.get().topic == "raw"


@pytest.mark.django_db
def test_it_leaves_reads_and_the_tables_of_django_alone() -> None:
    assert OutboxMessage.objects.count() == 0
    run("WITH seen AS (SELECT id FROM infra_outbox) SELECT count(*) FROM seen")
    run("UPDATE django_session SET session_data = ''")


@pytest.mark.django_db
def test_it_lets_a_schema_change_write() -> None:
    with schema_change():
        run("DELETE FROM infra_outbox")


LOCKS = [
    "SELECT id FROM infra_outbox FOR UPDATE",
    "SELECT id FROM infra_outbox FOR NO KEY UPDATE SKIP LOCKED",
    "SELECT id FROM infra_outbox FOR SHARE",
    "SELECT id FROM infra_outbox FOR KEY SHARE",
    "WITH held AS (SELECT id FROM infra_outbox FOR UPDATE) SELECT count(*) FROM held",
    "(SELECT id FROM infra_outbox FOR UPDATE)",
]


@pytest.mark.django_db
@pytest.mark.parametrize("sql", LOCKS)
def test_it_refuses_a_row_lock_outside_locked_mutation(sql: str) -> None:
    with pytest.raises(IntentViolationError, match="row lock"):
        run(sql)
    with atomic_write(), pytest.raises(IntentViolationError, match="row lock"):
        run(sql)


@pytest.mark.postgres_only
@pytest.mark.django_db
def test_it_refuses_the_row_lock_of_the_orm_outside_locked_mutation() -> None:
    with atomic_write(), pytest.raises(IntentViolationError, match="row lock"):
        OutboxMessage.objects.select_for_update().first()


@pytest.mark.postgres_only
@pytest.mark.django_db
def test_it_leaves_the_row_locks_of_libraries_alone() -> None:
    """django-celery-beat keeps its schedule by update_or_create(), which locks."""
    run("SELECT session_key FROM django_session FOR UPDATE")
    run('SELECT 1 FROM "django_celery_beat_periodictask" FOR UPDATE')
    with pytest.raises(IntentViolationError, match="row lock"):
        run("SELECT 1 FROM infra_outbox, django_session FOR UPDATE")
    with pytest.raises(IntentViolationError, match="row lock"):
        run("SELECT 1 FROM django_session JOIN infra_outbox ON true FOR UPDATE")


@pytest.mark.django_db
def test_it_locks_rows_in_locked_mutation() -> None:
    with single_connection_transaction() as txn:
        first, second = a_message("first"), a_message("second")
        assert txn.lock_row(OutboxMessage, key="second") == second
        assert list(txn.lock_rows(OutboxMessage.objects.order_by("-key"))) == [first, second]
        with pytest.raises(OutboxMessage.DoesNotExist):
            txn.lock_row(OutboxMessage, key="third")


# --- inside one another -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outer", "inner"),
    [("READ_ONLY", "ATOMIC_WRITE"), ("READ_ONLY", "LOCKED_MUTATION"), ("ATOMIC_WRITE", "LOCKED_MUTATION")],
)
def test_it_refuses_to_grow_stronger_on_the_way_down(outer: str, inner: str) -> None:
    with SCOPES[outer](), pytest.raises(IntentViolationError, match=f"{inner} was asked for inside a {outer}"):
        with SCOPES[inner]():
            pass


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("READ_ONLY", "READ_ONLY"),
        ("ATOMIC_WRITE", "READ_ONLY"),
        ("ATOMIC_WRITE", "ATOMIC_WRITE"),
        ("LOCKED_MUTATION", "ATOMIC_WRITE"),
        ("LOCKED_MUTATION", "LOCKED_MUTATION"),
    ],
)
def test_it_joins_under_the_intent_of_the_inner_one(outer: str, inner: str) -> None:
    with SCOPES[outer]() as session:
        depth = len(connection.savepoint_ids)
        with SCOPES[inner]() as joined:
            assert current_session() is joined
            assert joined.intent.value == inner
            assert len(connection.savepoint_ids) == depth
        assert current_session() is session
    assert current_session() is None


@pytest.mark.django_db
def test_it_refuses_a_write_of_a_reader_inside_a_writer() -> None:
    with atomic_write():
        with read_session(), pytest.raises(IntentViolationError, match="READ_ONLY"):
            run("DELETE FROM infra_outbox")
        run("DELETE FROM infra_outbox")


def test_it_commits_what_joined_with_the_outer_one_or_not_at_all(fresh_database: str) -> None:
    def fail_after_the_inner_one() -> None:
        with single_connection_transaction():
            with atomic_write():
                a_message("inner")
            raise LookupError

    with pytest.raises(LookupError):
        fail_after_the_inner_one()
    assert OutboxMessage.objects.count() == 0
    with single_connection_transaction(), atomic_write():
        a_message("inner")
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db
def test_it_lets_a_part_fail_by_itself_in_a_savepoint() -> None:
    with atomic_write():
        kept = a_message()
        with pytest.raises(IntegrityError), savepoint():
            OutboxMessage.objects.create(pk=kept.pk, topic="test", key="same", created_at=utcnow(), due_at=utcnow())
        a_message("after")
    assert OutboxMessage.objects.count() == 2


@pytest.mark.django_db
def test_it_refuses_a_savepoint_without_a_write_intent() -> None:
    with pytest.raises(IntentViolationError, match="ATOMIC_WRITE"), savepoint():
        pass
    with read_session(), pytest.raises(IntentViolationError, match="ATOMIC_WRITE"), savepoint():
        pass


# --- two connections --------------------------------------------------------------------------------------------------


def test_it_makes_the_second_locker_wait_for_the_first(fresh_database: str) -> None:
    """The second reads what the first committed: no update is lost."""
    with atomic_write():
        message = a_message()
    locked, steps = threading.Event(), []

    def second() -> None:
        try:
            locked.wait(10)
            with single_connection_transaction() as txn:
                row = txn.lock_row(OutboxMessage, pk=message.pk)
                steps.append(f"second saw {row.attempts}")
                row.attempts += 1
                row.save(update_fields=["attempts"])
        finally:
            connection.close()

    other = threading.Thread(target=second)
    other.start()
    with single_connection_transaction() as txn:
        row = txn.lock_row(OutboxMessage, pk=message.pk)
        locked.set()
        other.join(0.2)  # it cannot come in between; a little time to try
        assert other.is_alive()
        row.attempts += 1
        row.save(update_fields=["attempts"])
        steps.append("first saved")
    other.join(20)
    assert steps == ["first saved", "second saw 1"]
    message.refresh_from_db()
    assert message.attempts == 2


@pytest.mark.postgres_only
def test_it_skips_what_another_transaction_holds(fresh_database: str) -> None:
    with atomic_write():
        held, free = a_message("held"), a_message("free")
    seen: list[str] = []

    def look() -> None:
        try:
            with single_connection_transaction() as txn:
                seen.extend(row.key for row in txn.lock_rows(OutboxMessage.objects.all(), skip_locked=True))
        finally:
            connection.close()

    with single_connection_transaction() as txn:
        txn.lock_row(OutboxMessage, pk=held.pk)
        other = threading.Thread(target=look)
        other.start()
        other.join(20)
    assert seen == [free.key]
