"""`manage.py check_intent_consistency`: requirement 186. Exit 1 when an intent and what its use-case does disagree."""

from importlib import import_module
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from readiness.infra.transactions import registered_intents
from readiness.lint.effects import House
from readiness.lint.intents import intents_check, intents_declared, registry_check
from readiness.lint.sources import PACKAGES, python_files


class Command(BaseCommand):
    help = "Check that every use-case declares an intent, and does no more than it declares."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        house = House(python_files(settings.BASE_DIR))
        declared = intents_declared(house)
        for module in sorted({key.rpartition(".")[0] for key in declared}):
            import_module(module)  # the decorator checks each signature as the module is imported
        registered = {
            key: str(entry.intent) for key, entry in registered_intents().items() if key.partition(".")[0] in PACKAGES
        }
        found = intents_check(house) + registry_check(declared, registered)
        self.stdout.write(f"Use-cases checked: {len(declared)}")
        self.stdout.write(f"Inconsistencies found: {len(found)}")
        for line in found:
            self.stdout.write(f"- {line}")
        if found:
            raise CommandError("An intent and its use-case disagree. Mend the design, not the declaration alone.")
        self.stdout.write("Intents are consistent.")
