"""Run the synthetic scenarios against this console now (on demand, before a release)."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from incidents.scenarios.workflows import selfcheck_run
from readiness.infra.actor import Actor


class Command(BaseCommand):
    help = "Run the synthetic scenarios against the running console; exit status 1 when one fails."

    def handle(self, *args: Any, **options: Any) -> None:
        result = selfcheck_run(actor=Actor(kind="system", name="the command line"))
        line = f"{result.scenario}: {result.outcome}. {result.reason}"
        if result.outcome != "passed":
            raise CommandError(line)
        self.stdout.write(line)
