"""Rows by SQL that is written once, for the stores behind the pages that are opened most.

A queryset writes its SQL anew each time, which is half and more of what a small question costs. What stands here is
plain SQL that both databases understand; a time goes in as `vendor_sql.moment` has it. A tuple among the values takes
the place of its `%s` as a list: `WHERE id IN %s`; an empty one is a list that nothing is in.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from django.db import connection
from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def instances_of(model: type[Row], sql: str, *values: Any) -> list[Row]:
    """Instances of the model, whose columns the SQL selects: all, or its key and some, the others are deferred then.
    Not for a model with a composite key, which Django's raw queries do not know.
    """
    text, flat = _flat(sql, values)
    return list(model._base_manager.raw(text, flat))


def tuples_of(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the driver gives: SQLite's times are text (`vendor_sql.moment_read` reads both)."""
    text, flat = _flat(sql, values)
    with connection.cursor() as cursor:
        cursor.execute(text, flat)
        return cursor.fetchall()


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
