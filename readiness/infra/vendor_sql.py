"""What differs by database: a migration operation with SQL for each, and times for plain SQL."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState


@cache
def _times_are_text() -> bool:
    return connection.vendor == "sqlite"


def moment(value: datetime) -> Any:
    """A UTC time as this database's driver takes it in plain SQL: what Django's own adapter makes of it, at a tenth of
    its cost (capture adapts a dozen for each event).
    """
    return value.replace(tzinfo=None).isoformat(" ") if _times_are_text() else value


def moment_read(value: Any) -> Any:
    """The other way: a UTC time, or None, from what plain SQL gave. SQLite's driver knows no zones, and of what is no
    plain column of a table it gives the text.
    """
    if value is None or not _times_are_text():
        return value
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    return found.replace(tzinfo=UTC)


class VendorSQL(Operation):
    """`forwards` and `backwards` are `{"postgresql": [statement, …], "sqlite": [statement, …]}`."""

    reduces_to_sql = True

    def __init__(self, *, forwards: dict[str, Sequence[str]], backwards: dict[str, Sequence[str]], name: str) -> None:
        self.forwards, self.backwards, self.name = forwards, backwards, name

    @property
    def reversible(self) -> bool:  # type: ignore[override]
        return bool(self.backwards)

    def deconstruct(self) -> tuple[str, Sequence[Any], dict[str, Any]]:
        kwargs = {"forwards": self.forwards, "backwards": self.backwards, "name": self.name}
        return self.__class__.__qualname__, [], kwargs

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models' state is told by their own operations."""

    def _run(self, schema_editor: BaseDatabaseSchemaEditor, statements: dict[str, Sequence[str]]) -> None:
        for statement in statements[schema_editor.connection.vendor]:
            schema_editor.execute(statement, params=None)

    def database_forwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._run(schema_editor, self.forwards)

    def database_backwards(
        self, app_label: str, schema_editor: BaseDatabaseSchemaEditor, from_state: ProjectState, to_state: ProjectState
    ) -> None:
        self._run(schema_editor, self.backwards)

    def describe(self) -> str:
        return self.name
