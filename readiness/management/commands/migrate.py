"""Django's migrate, under the one exemption from transaction intents: a schema change is no use-case."""

from typing import Any

from django.core.management.commands import migrate

from readiness.infra.transactions import schema_change


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        with schema_change():
            return super().handle(*args, **options)
