"""`manage.py check_forbidden_patterns`: requirement 175. Exit 1 when there is one; each comes with its alternative."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from readiness.lint.patterns import patterns_in_python, patterns_in_template, patterns_in_test, patterns_report
from readiness.lint.sources import python_files


class Command(BaseCommand):
    help = "Refuse what the house has a blessed way for: raw row locks, bare transactions, unescaped HTML and others."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        root = settings.BASE_DIR
        findings = [finding for source in python_files(root) for finding in patterns_in_python(source)]
        findings += [finding for source in python_files(root, "tests") for finding in patterns_in_test(source)]
        for template in sorted(root.rglob("templates/**/*.html")):
            place = template.relative_to(root)
            if not any(part.startswith(".") for part in place.parts):  # environments and scratch folders hold others'
                findings += patterns_in_template(place.as_posix(), template.read_text("utf-8"))
        report = patterns_report(findings)
        if findings:
            self.stderr.write("\n".join(report))
            raise SystemExit(1)
        self.stdout.write("\n".join(report))
