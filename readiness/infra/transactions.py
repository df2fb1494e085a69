"""Transactions declare their intent (requirements 174-187): guided by construction, checked where they run.

A use-case names what it will do to the tables, and gets exactly that from its first parameter:

    @transactional(TransactionIntent.LOCKED_MUTATION)
    def incident_close(txn: SingleConnectionTxn, *, incident_id: int, actor: Actor) -> IncidentState:
        incident = txn.lock_row(Incident, pk=incident_id)

The caller leaves that first parameter out, `incident_close(incident_id=12, actor=me)`: the decorator opens the
transaction (or joins the one under way when its intent suffices) and hands it in. The signature is checked when the
module is imported (IntentViolationError, a design-time error), every use-case is listed in `_INTENT_REGISTRY` for
`manage.py check_intent_consistency`, and a guard on each database connection refuses, while it runs, a write to one
of our own tables without a declared intent and a row lock outside LOCKED_MUTATION. Django's own tables are left alone.

The root cause behind all this (requirement 173): row locks held across connections that nobody had meant to hold.
"""

import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from types import MappingProxyType
from typing import Any, Concatenate, ParamSpec, TypeVar, get_type_hints

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=Model)


class TransactionIntent(StrEnum):
    """What a use-case will do: READ_ONLY and ATOMIC_WRITE take a Session, LOCKED_MUTATION a SingleConnectionTxn."""

    READ_ONLY = "READ_ONLY"
    ATOMIC_WRITE = "ATOMIC_WRITE"
    LOCKED_MUTATION = "LOCKED_MUTATION"


class IntentViolationError(Exception):
    """The design and the declared intent disagree. Do not catch it: mend the design."""


class Session:
    """One database connection with a declared intent."""

    __slots__ = ("intent", "using")

    def __init__(self, intent: TransactionIntent, using: str = DEFAULT_DB_ALIAS) -> None:
        self.intent = intent
        self.using = using

    @property
    def connection(self) -> BaseDatabaseWrapper:
        return connections[self.using]

    @property
    def is_postgresql(self) -> bool:
        return self.connection.vendor == "postgresql"


class SingleConnectionTxn(Session):
    """A transaction that may lock rows: the one connection it runs on is the one that holds the locks."""

    __slots__ = ()

    def lock_row(self, model: type[M], **lookup: Any) -> M:
        """The row, locked until the transaction ends. Raises the model's DoesNotExist.

        PostgreSQL: SELECT … FOR UPDATE. SQLite: the transaction took the database's one write lock when it began.
        """
        return self.lock_rows(model._default_manager.filter(**lookup)).get()

    def lock_rows(self, rows: QuerySet[M], *, skip_locked: bool = False) -> QuerySet[M]:
        """The rows in primary-key order (so that two transactions never lock them crosswise), locked.

        `skip_locked` leaves out what another transaction holds, for queues. SQLite has one writer: nobody else holds.
        """
        return rows.using(self.using).order_by("pk").select_for_update(skip_locked=skip_locked)

    def lock_values(self, model: type[Model], columns: Sequence[str], ids: Sequence[int]) -> list[tuple[Any, ...]]:
        """(columns) of the rows with these primary keys, in their order, locked: for the hot path, which cannot pay for
        model instances and a compiled query. Values are the driver's own.
        """
        if not ids:
            return []
        sql = (
            f"SELECT {', '.join(columns)} FROM {model._meta.db_table} "  # noqa: S608  names of ours
            f"WHERE id IN ({', '.join(['%s'] * len(ids))}) ORDER BY id"
        )
        with self.connection.cursor() as cursor:
            lock = self.connection.ops.for_update_sql() if self.connection.features.has_select_for_update else ""
            cursor.execute(f"{sql} {lock}", list(ids))
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


@dataclass(frozen=True, slots=True)
class DeclaredIntent:
    """One entry of the registry: where a use-case stands and what it declares."""

    module: str
    name: str
    intent: TransactionIntent


_INTENT_REGISTRY: dict[str, DeclaredIntent] = {}
_current: ContextVar[Session | None] = ContextVar("transaction_session", default=None)

# What may run inside what: a transaction never grows stronger on its way down.
_SUFFICES = {
    TransactionIntent.READ_ONLY: {TransactionIntent.READ_ONLY},
    TransactionIntent.ATOMIC_WRITE: {TransactionIntent.READ_ONLY, TransactionIntent.ATOMIC_WRITE},
    TransactionIntent.LOCKED_MUTATION: set(TransactionIntent),
}
_SESSION_TYPE: dict[TransactionIntent, type[Session]] = {
    TransactionIntent.READ_ONLY: Session,
    TransactionIntent.ATOMIC_WRITE: Session,
    TransactionIntent.LOCKED_MUTATION: SingleConnectionTxn,
}
_PARAMETER_NAME = {
    TransactionIntent.READ_ONLY: "session",
    TransactionIntent.ATOMIC_WRITE: "session",
    TransactionIntent.LOCKED_MUTATION: "txn",
}


def registered_intents() -> Mapping[str, DeclaredIntent]:
    """`module.function` → its entry, for every use-case imported so far."""
    return MappingProxyType(_INTENT_REGISTRY)


def current_session() -> Session | None:
    """The session under way in this context, if any."""
    return _current.get()


@contextmanager
def _open(intent: TransactionIntent, using: str) -> Iterator[Session]:
    outer = _current.get()
    joins = outer is not None and outer.using == using
    if outer is not None and joins and intent not in _SUFFICES[outer.intent]:
        raise IntentViolationError(
            f"{intent} was asked for inside a {outer.intent} transaction; declare {intent} on the outer use-case."
        )
    # A use-case inside a use-case joins its transaction (one decides, one commits), under its own, narrower intent:
    # what it may do does not depend on who calls it.
    session = _SESSION_TYPE[intent](intent, using)
    scope: AbstractContextManager[Any] = (
        nullcontext() if joins or intent is TransactionIntent.READ_ONLY else transaction.atomic(using=using)
    )
    token = _current.set(session)
    try:
        with scope:
            yield session
    finally:
        _current.reset(token)


@contextmanager
def read_session(using: str = DEFAULT_DB_ALIAS) -> Iterator[Session]:
    """READ_ONLY: plain reads, no lock; a write to our tables inside it is refused."""
    with _open(TransactionIntent.READ_ONLY, using) as session:
        yield session


@contextmanager
def atomic_write(using: str = DEFAULT_DB_ALIAS) -> Iterator[Session]:
    """ATOMIC_WRITE: one transaction, no row locks."""
    with _open(TransactionIntent.ATOMIC_WRITE, using) as session:
        yield session


@contextmanager
def savepoint(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """A part of the transaction under way that may fail by itself: a constraint of the database that decides.

    Catch the IntegrityError outside it. Raises IntentViolationError without a write intent around it.
    """
    session = _current.get()
    if session is None or session.intent is TransactionIntent.READ_ONLY:
        raise IntentViolationError("savepoint() is a part of a write use-case; declare ATOMIC_WRITE around it.")
    with transaction.atomic(using=using):
        yield


@contextmanager
def single_connection_transaction(using: str = DEFAULT_DB_ALIAS) -> Iterator[SingleConnectionTxn]:
    """LOCKED_MUTATION: the blessed path for row locks."""
    with _open(TransactionIntent.LOCKED_MUTATION, using) as txn:
        assert isinstance(txn, SingleConnectionTxn)
        yield txn


def _check_signature(function: Callable[..., Any], intent: TransactionIntent) -> None:
    parameters = list(inspect.signature(function).parameters.values())
    name, kind = _PARAMETER_NAME[intent], _SESSION_TYPE[intent]
    if not parameters or parameters[0].name != name:
        raise IntentViolationError(
            f"{function.__qualname__} declares {intent}: its first parameter must be `{name}: {kind.__name__}`."
        )
    if get_type_hints(function).get(name) is not kind:
        raise IntentViolationError(
            f"{function.__qualname__} declares {intent}: annotate `{name}` as {kind.__name__}, nothing wider."
        )


def transactional(
    intent: TransactionIntent,
) -> Callable[[Callable[Concatenate[Any, P], R]], Callable[P, R]]:
    """Declare what a use-case does to the tables; the session that fits is opened (or joined) and handed in.

    Raises IntentViolationError at decoration when the signature does not fit the intent, and at a call inside a
    transaction whose intent does not suffice.
    """

    def decorate(function: Callable[Concatenate[Any, P], R]) -> Callable[P, R]:
        _check_signature(function, intent)

        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with _open(intent, DEFAULT_DB_ALIAS) as session:
                return function(session, *args, **kwargs)

        key = f"{function.__module__}.{function.__qualname__}"
        _INTENT_REGISTRY[key] = DeclaredIntent(function.__module__, function.__qualname__, intent)
        call.__transaction_intent__ = intent  # type: ignore[attr-defined]
        return call

    return decorate


# --- the guard on every connection --------------------------------------------------------------------------------

# Tables that are Django's (or a library's) own: their writes are left alone.
_FOREIGN_TABLE = re.compile(r"^(auth_|django_|sqlite_|pg_|new__)")
_WRITE = re.compile(
    r"\b(?:INSERT\s+(?:OR\s+\w+\s+)?INTO|(?<!\bFOR\s)(?<!\bKEY\s)UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM|REPLACE\s+INTO"
    r'|MERGE\s+INTO|TRUNCATE(?:\s+TABLE)?)\s+(?:ONLY\s+)?"?(\w+)"?',
    re.IGNORECASE,
)
_LOCK = re.compile(r"\bFOR\s+(?:NO\s+KEY\s+|KEY\s+)?(?:UPDATE|SHARE)\b", re.IGNORECASE)
_FROM = re.compile(r'\b(?:FROM|JOIN)\s+(?:ONLY\s+)?"?(\w+)"?', re.IGNORECASE)
_COMMENT = re.compile(r"\s*(?:--[^\n]*\n|/\*.*?\*/|\()", re.DOTALL)
_exempt: ContextVar[bool] = ContextVar("transaction_guard_exempt", default=False)


@contextmanager
def schema_change() -> Iterator[None]:
    """Migrations write without a use-case; the `migrate` command runs inside this."""
    token = _exempt.set(True)
    try:
        yield
    finally:
        _exempt.reset(token)


def _refuse_undeclared_write(found: re.Match[str] | None) -> None:
    if not found or _FOREIGN_TABLE.match(found[1]) or _exempt.get():
        return
    session = _current.get()
    if session is None:
        raise IntentViolationError(
            f"A write to {found[1]} without a declared intent; call a workflow, or wrap it in atomic_write()."
        )
    if session.intent is TransactionIntent.READ_ONLY:
        raise IntentViolationError(f"A write to {found[1]} inside a READ_ONLY use-case.")


def _refuse_stray_lock(statement: str, start: int = 0) -> None:
    if not _LOCK.search(statement, start) or _exempt.get():
        return
    if all(_FOREIGN_TABLE.match(table) for table in _FROM.findall(statement)):
        return
    session = _current.get()
    if session is None or session.intent is not TransactionIntent.LOCKED_MUTATION:
        raise IntentViolationError("A row lock outside LOCKED_MUTATION; take it by txn.lock_row().")


def guard(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """A database execute_wrapper (installed on connection_created): the statement must fit the declared intent."""
    statement = sql.lstrip()
    while statement[:1] in "-/(" and (skipped := _COMMENT.match(statement)):
        statement = statement[skipped.end() :].lstrip()
    head = statement[:1].upper()
    if head == "S":  # the common case: a SELECT passes by one search of its end
        _refuse_stray_lock(statement, max(0, len(statement) - 120))
    elif head in "IUDRTM":  # INSERT, UPDATE, DELETE, REPLACE, TRUNCATE, MERGE
        _refuse_undeclared_write(_WRITE.match(statement))
    elif head == "W":  # WITH …: the verb stands somewhere behind it
        _refuse_undeclared_write(_WRITE.search(statement))
        _refuse_stray_lock(statement)
    return execute(sql, params, many, context)


def install_guard(*, connection: BaseDatabaseWrapper, **_: Any) -> None:
    """Receiver of connection_created: each connection gets the guard once."""
    if guard not in connection.execute_wrappers:
        connection.execute_wrappers.append(guard)
