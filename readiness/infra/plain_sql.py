"""Rows by SQL that is written once, for the stores behind the pages that are opened most.

A queryset writes its SQL anew each time, which is half and more of what a small question costs. What stands here is
plain SQL that both databases understand; a time goes in as `vendor_sql.moment` has it. A tuple among the values takes
the place of its `%s` as a list: `WHERE id IN %s`; an empty one is a list that nothing is in.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import Field, Model

Row = TypeVar("Row", bound=Model)


def instances_of(model: type[Row], sql: str, *values: Any) -> list[Row]:
    """Instances of the model, of which the SQL selects every column (`SELECT *`), in any order. Others are passed over:
    while an upgrade goes on, a newer version's migration may have added some. Raises ValueError where one is missing.
    """
    text, flat = _flat(sql, values)
    with connection.cursor() as cursor:
        cursor.execute(text, flat)
        plan = _plan(model, tuple(column[0] for column in cursor.description), connection.vendor)
        return [model.from_db(DEFAULT_DB_ALIAS, plan.names, _converted(row, plan)) for row in cursor.fetchall()]


def tuples_of(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the driver gives: SQLite's times are text (`vendor_sql.moment_read` reads both)."""
    text, flat = _flat(sql, values)
    with connection.cursor() as cursor:
        cursor.execute(text, flat)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


class _Plan(NamedTuple):
    """How a row becomes an instance: its fields' names, where in the row each stands, and what Django makes of the
    driver's value (place among the fields, expression, converters).
    """

    names: list[str]
    places: list[int]
    converters: list[tuple[int, Any, list[Callable[..., Any]]]]


@lru_cache(maxsize=256)
def _plan(model: type[Model], columns: tuple[str, ...], vendor: str) -> _Plan:
    database = connections[DEFAULT_DB_ALIAS]
    fields: list[Field[Any, Any]] = list(model._meta.concrete_fields)
    if missing := [field.column for field in fields if field.column not in columns]:
        raise ValueError(f"{model.__name__} needs columns that were not selected: {', '.join(map(str, missing))}.")
    converters = []
    for place, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)
        found = [*database.ops.get_db_converters(expression), *expression.get_db_converters(database)]
        if found:
            converters.append((place, expression, found))
    return _Plan([field.attname for field in fields], [columns.index(field.column) for field in fields], converters)


def _converted(row: Sequence[Any], plan: _Plan) -> list[Any]:
    fields = [row[place] for place in plan.places]
    for place, expression, converters in plan.converters:
        for convert in converters:
            fields[place] = convert(fields[place], expression, connection)
    return fields


def _flat(sql: str, values: Sequence[Any]) -> tuple[str, list[Any]]:
    if not any(isinstance(value, tuple) for value in values):
        return sql, list(values)
    first, *rest = sql.split("%s")
    places = (_place(value) for value in values)
    text = first + "".join(place + piece for place, piece in zip(places, rest, strict=True))
    return text, list(_each(values))


def _place(value: Any) -> str:
    return f"({', '.join(['%s'] * len(value)) or 'NULL'})" if isinstance(value, tuple) else "%s"


def _each(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, tuple):
            yield from value
        else:
            yield value
