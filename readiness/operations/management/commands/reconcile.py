"""`manage.py reconcile [--all] [--no-repair]`: hold the figures against the events now (requirements 235-237).

Exit 0 in step, or small drift; 1 an alert; 70 the comparison failed; 75 another run is under way.
"""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.actor import Actor
from readiness.operations.services.jobs import Outcome
from readiness.operations.workflows.jobs import job_run
from readiness.operations.workflows.reconciling import ReconcileReport, reconcile
from readiness.tenants.access import COMMAND_LINE

EXIT_ALERT, EXIT_OURS, EXIT_BUSY = 1, 70, 75


class Command(BaseCommand):
    help = "Compare the figures of the dashboards with the events they count, and put wrong ones right."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--all", action="store_true", help="back to the start of retention, not only the last days")
        parser.add_argument("--no-repair", action="store_true", help="only compare: change no figure")

    def handle(self, *args: Any, **options: Any) -> None:
        reports: list[ReconcileReport] = []

        def work(*, actor: Actor) -> str:
            reports.extend(reconcile(actor=actor, repair=not options["no_repair"], everything=options["all"]))
            return " ".join(report.words for report in reports)

        ended = job_run(key="reconcile", actor=COMMAND_LINE, duty=work)
        if ended.outcome is Outcome.SKIPPED:
            raise CommandError(f"{ended.summary} Wait for its end, then ask again.", returncode=EXIT_BUSY)
        if ended.outcome is Outcome.FAILED:
            raise CommandError(f"{ended.summary} It is recorded as {ended.error_id}.", returncode=EXIT_OURS)
        for report in reports:
            recorded = f" Recorded as {report.run.error_id}." if report.run.alert else ""
            self.stdout.write(f"{'ALERT ' if report.run.alert else ''}{report.words}{recorded}")
        if any(report.run.alert for report in reports):
            sys.exit(EXIT_ALERT)
