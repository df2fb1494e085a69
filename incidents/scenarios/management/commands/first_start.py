"""What a first start leaves to explore: the self-check's one synthetic incident. Does nothing the second time."""

from typing import Any

from django.core.management.base import BaseCommand

from incidents.scenarios.workflows import selfcheck_ensure
from readiness.infra.actor import Actor


class Command(BaseCommand):
    help = "Run the self-check once, so that a new console has one synthetic incident to explore."

    def handle(self, *args: Any, **options: Any) -> None:
        result = selfcheck_ensure(actor=Actor(kind="job", name="first start"))
        if result is not None:
            self.stdout.write(f"Self-check {result.outcome}: {result.reason}")
