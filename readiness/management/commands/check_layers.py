"""`manage.py check_layers`: the layer report of requirement 125, and the register of locked risks (135).

Exit 1 when a layer imports what it may not, or a risk is open again.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from readiness.lint.layers import layers_check
from readiness.lint.risks import risks_check
from readiness.lint.sources import python_files


class Command(BaseCommand):
    help = "Check the layers and the order of the subjects (import-linter's contracts in pyproject.toml)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        report = layers_check(settings.BASE_DIR)
        self.stdout.write(f"Files scanned: {report.files}")
        self.stdout.write(f"Violations found: {len(report.violations)}")
        for line in report.violations:
            self.stdout.write(f"- {line}")
        if report.violations:
            raise CommandError("A layer is broken. Fix the direction of the import; no contract has an ignore list.")
        self.stdout.write("Layer architecture is clean.")
        risks = risks_check(settings.BASE_DIR, python_files(settings.BASE_DIR))
        for risk in risks:
            self.stdout.write(str(risk))
            for reason in risk.open_because:
                self.stdout.write(f"- {reason}")
        if any(risk.open_because for risk in risks):
            raise CommandError("A risk that was locked is open again: mend what holds it.")
