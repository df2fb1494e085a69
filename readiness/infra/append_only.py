"""Append-only for real: triggers refuse UPDATE, DELETE and TRUNCATE on both databases, raw SQL included.

A migration names the table once, `AppendOnly("lessons_control_run")`; the triggers are laid again after every migrate
(Django's SQLite AlterField rebuilds tables and drops them silently), and `/readyz` fails while one is missing.

SQLite needs `recursive_triggers=ON` and a BEFORE INSERT guard: INSERT OR REPLACE deletes without firing DELETE triggers
otherwise; RAISE(IGNORE) on an existing key keeps the first write. PostgreSQL needs a statement trigger for TRUNCATE.

The one way to delete is a permit: a row of `infra_deletion_permits` (table, cutoff or ids, actor, reason), written
and removed inside the deleting transaction. Each permit leaves a copy in the append-only `infra_deletion_audit`, by
trigger, so that nobody deletes unseen.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionPermit
from readiness.infra.transactions import Session, schema_change


@dataclass(frozen=True, slots=True)
class AppendOnlyTable:
    """`key`: the primary key's columns; `age`: the timestamp column that a permit's cutoff is compared with."""

    name: str
    key: tuple[str, ...] = ("id",)
    age: str | None = None


_TABLES: dict[str, AppendOnlyTable] = {}

_PG_FUNCTION = """
CREATE OR REPLACE FUNCTION readiness_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE allowed boolean := false;
BEGIN
  IF TG_OP = 'DELETE' THEN
    EXECUTE format(
      'SELECT EXISTS (SELECT 1 FROM infra_deletion_permits p WHERE p.table_name = %L AND '
      '((p.cutoff IS NOT NULL AND %s) OR p.row_ids ? $1))',
      TG_ARGV[0],
      CASE WHEN TG_ARGV[2] = '' THEN 'false' ELSE format('(to_jsonb($2)->>%L)::timestamptz < p.cutoff', TG_ARGV[2]) END
    ) INTO allowed USING to_jsonb(OLD)->>TG_ARGV[1], OLD;
    IF allowed THEN RETURN OLD; END IF;
  END IF;
  RAISE EXCEPTION USING
    MESSAGE = TG_ARGV[0] || ' is append-only: ' || TG_OP || ' refused',
    HINT = 'Rows leave only by retention or erasure, under an audited permit.',
    ERRCODE = 'integrity_constraint_violation';
END $$;
"""


def _pg_install(table: AppendOnlyTable) -> list[str]:
    arguments = f"'{table.name}', '{table.key[-1]}', '{table.age or ''}'"
    return [
        _PG_FUNCTION,
        f"""CREATE OR REPLACE TRIGGER {table.name}_append_only BEFORE UPDATE OR DELETE ON {table.name}
            FOR EACH ROW EXECUTE FUNCTION readiness_append_only({arguments})""",
        f"""CREATE OR REPLACE TRIGGER {table.name}_no_truncate BEFORE TRUNCATE ON {table.name}
            FOR EACH STATEMENT EXECUTE FUNCTION readiness_append_only({arguments})""",
    ]


def _sqlite_install(table: AppendOnlyTable) -> list[str]:
    name, key, last = table.name, table.key, table.key[-1]
    same_key = " AND ".join(f"{column} = NEW.{column}" for column in key)
    by_age = f"(p.cutoff IS NOT NULL AND OLD.{table.age} < p.cutoff) OR " if table.age else ""
    return [
        f"""CREATE TRIGGER IF NOT EXISTS {name}_no_update BEFORE UPDATE ON {name}
            BEGIN SELECT RAISE(ABORT, '{name} is append-only: UPDATE refused'); END""",
        f"""CREATE TRIGGER IF NOT EXISTS {name}_no_delete BEFORE DELETE ON {name}
            WHEN NOT EXISTS (SELECT 1 FROM infra_deletion_permits p WHERE p.table_name = '{name}' AND ({by_age}
              EXISTS (SELECT 1 FROM json_each(p.row_ids) WHERE json_each.value = CAST(OLD.{last} AS TEXT))))
            BEGIN SELECT RAISE(ABORT, '{name} is append-only: DELETE refused'); END""",  # noqa: S608
        f"""CREATE TRIGGER IF NOT EXISTS {name}_first_write BEFORE INSERT ON {name}
            WHEN EXISTS (SELECT 1 FROM {name} WHERE {same_key})
            BEGIN SELECT RAISE(IGNORE); END""",  # noqa: S608
    ]


def _trigger_names(table: AppendOnlyTable, vendor: str) -> list[str]:
    if vendor == "postgresql":
        return [f"{table.name}_append_only", f"{table.name}_no_truncate"]
    return [f"{table.name}_no_update", f"{table.name}_no_delete", f"{table.name}_first_write"]


def _install(table: AppendOnlyTable, connection: BaseDatabaseWrapper) -> None:
    statements = _pg_install(table) if connection.vendor == "postgresql" else _sqlite_install(table)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


class AppendOnly(Operation):
    """Migration operation: from here on the table only grows. `key` names its primary key's columns (the last one is
    what a permit's ids name), `age` the timestamp that retention compares; without it only erasure by id can delete.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, table: str, key: tuple[str, ...] = ("id",), age: str | None = None) -> None:
        self.table = AppendOnlyTable(table, tuple(key), age)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        return self.__class__.__qualname__, [], {
            "table": self.table.name, "key": self.table.key, "age": self.table.age,
        }  # fmt: skip

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        _TABLES[self.table.name] = self.table

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        _install(self.table, schema_editor.connection)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        _TABLES.pop(self.table.name, None)
        on = f" ON {self.table.name}" if schema_editor.connection.vendor == "postgresql" else ""
        for name in _trigger_names(self.table, schema_editor.connection.vendor):
            schema_editor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")

    def describe(self) -> str:
        return f"Make {self.table.name} append-only"


def append_only_tables() -> dict[str, AppendOnlyTable]:
    """Every table that a migration declared append-only, read from the migration files themselves."""
    if not _TABLES:
        from django.db.migrations.loader import MigrationLoader  # the loader needs the loaded apps

        for migration in MigrationLoader(None, ignore_no_migrations=True).disk_migrations.values():
            for operation in migration.operations:
                if isinstance(operation, AppendOnly):
                    _TABLES[operation.table.name] = operation.table
    return _TABLES


def missing_triggers(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of the append-only triggers that the database lacks; empty when every promise is in force."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        present = {row[0] for row in cursor.fetchall()}
    wanted = [name for t in append_only_tables().values() for name in _trigger_names(t, connection.vendor)]
    return [name for name in wanted if name not in present]


def reinstall_triggers(*, using: str = "default", **_: Any) -> None:
    """After every migrate: lay the triggers again where a table rebuild dropped them."""
    connection = connections[using]
    tables = append_only_tables()
    existing = set(connection.introspection.table_names())
    with schema_change():
        for table in tables.values():
            if table.name in existing:
                _install(table, connection)


@contextmanager
def deletion_permit(
    session: Session,
    *,
    table: str,
    actor: Actor,
    reason: str,
    cutoff: datetime | None = None,
    row_ids: Sequence[str | int] = (),
) -> Iterator[None]:
    """Inside it, rows of an append-only `table` older than `cutoff`, or named by `row_ids`, may be deleted.

    Needs a write session; the permit exists only inside its transaction, its copy in the audit stays.
    """
    permit = DeletionPermit.objects.create(
        table_name=table, cutoff=cutoff, row_ids=[str(i) for i in row_ids], actor=str(actor), reason=reason, at=utcnow()
    )
    try:
        yield
    finally:
        if not session.connection.needs_rollback:
            permit.delete()


_PG_AUDIT = [
    """CREATE OR REPLACE FUNCTION readiness_audit_permit() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      INSERT INTO infra_deletion_audit (table_name, cutoff, row_ids, actor, reason, at)
      VALUES (NEW.table_name, NEW.cutoff, NEW.row_ids, NEW.actor, NEW.reason, NEW.at);
      RETURN NEW;
    END $$""",
    """CREATE OR REPLACE TRIGGER infra_deletion_permits_audit AFTER INSERT ON infra_deletion_permits
       FOR EACH ROW EXECUTE FUNCTION readiness_audit_permit()""",
]
_SQLITE_AUDIT = [
    """CREATE TRIGGER IF NOT EXISTS infra_deletion_permits_audit AFTER INSERT ON infra_deletion_permits BEGIN
       INSERT INTO infra_deletion_audit (table_name, cutoff, row_ids, actor, reason, at)
       VALUES (NEW.table_name, NEW.cutoff, NEW.row_ids, NEW.actor, NEW.reason, NEW.at); END""",
]


class AuditPermits(Operation):
    """Migration operation: each deletion permit leaves its copy in infra_deletion_audit, whoever writes it."""

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The tables stay as they are."""

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        for statement in _PG_AUDIT if schema_editor.connection.vendor == "postgresql" else _SQLITE_AUDIT:
            schema_editor.execute(statement, params=None)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        on = " ON infra_deletion_permits" if schema_editor.connection.vendor == "postgresql" else ""
        schema_editor.execute(f"DROP TRIGGER IF EXISTS infra_deletion_permits_audit{on}")

    def describe(self) -> str:
        return "Copy every deletion permit into the audit"
