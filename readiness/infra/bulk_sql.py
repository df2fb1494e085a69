"""Many rows in one statement, for the hot path.

On PostgreSQL the values go beside the statement (psycopg's RawCursor), and its text is made once for each number of
rows: Django's cursor writes them into the text, and taking that apart costs a batch of sixteen events as much as all
the rest.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.utils import CursorWrapper
from django.db.models import Field
from psycopg import RawCursor


def rows_insert(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], tail: str = "") -> list[Any]:
    """One INSERT; `tail` is its ON CONFLICT and RETURNING. What RETURNING gave."""
    sql = f"INSERT INTO {table} ({','.join(columns)}) {{rows}} {tail}"
    return _run(sql, table, tuple(columns), rows, typed=False)


def rows_use(sql: str, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Run `sql` with the rows in the place of its `{rows}`: a relation with columns `column1`, `column2` and so on, of
    the types of these columns of the table.
    """
    _run(sql, table, tuple(columns), rows, typed=True)


def _run(sql: str, table: str, columns: tuple[str, ...], rows: Sequence[Sequence[Any]], *, typed: bool) -> list[Any]:
    database = connections[DEFAULT_DB_ALIAS]
    postgres = database.vendor == "postgresql"
    text = _statement(sql, table, columns, len(rows), typed, postgres)
    database.ensure_connection()
    raw = RawCursor(database.connection) if postgres else database.create_cursor()
    with CursorWrapper(raw, database) as cursor:
        cursor.execute(text, [value for row in rows for value in row])
        return cursor.fetchall() if "RETURNING" in text else []


@lru_cache(maxsize=256)
def _statement(sql: str, table: str, columns: tuple[str, ...], rows: int, typed: bool, postgres: bool) -> str:
    width = len(columns)
    if not postgres:
        place = f"({','.join(['%s'] * width)})"
        return sql.format(rows=f"VALUES {','.join([place] * rows)}")
    places = [[f"${row * width + column + 1}" for column in range(width)] for row in range(rows)]
    if typed:  # an INSERT knows its columns' types; elsewhere the first row tells them
        places[0] = [f"{place}::{of}" for place, of in zip(places[0], _types(table, columns), strict=True)]
    return sql.format(rows=f"VALUES {','.join(f'({chr(44).join(row)})' for row in places)}")


def _types(table: str, columns: Sequence[str]) -> list[str]:
    model = next(model for model in apps.get_models() if model._meta.db_table == table)
    fields = [cast("Field[Any, Any]", model._meta.get_field(column)) for column in columns]
    return [str(field.rel_db_type(connection)) for field in fields]
