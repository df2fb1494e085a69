"""`manage.py cleanup_old_errors [--days N] [--dry-run]`: retention of the captured errors, now (117, 124).

Exit 0 done, 64 bad usage, 70 it failed, 75 another run is under way.
"""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents.errors.workflows import cleanup_old_errors, cleanup_preview
from readiness.infra.actor import Actor
from readiness.operations.services.jobs import Outcome
from readiness.operations.workflows.jobs import job_run
from readiness.tenants.access import COMMAND_LINE

EXIT_USAGE, EXIT_OURS, EXIT_BUSY = 64, 70, 75
LONGEST = 36_500  # a century: further back there are no dates to compare with


class Command(BaseCommand):
    help = "Forget captured errors older than the retention period; incidents, lessons and timelines stay."

    def add_arguments(self, parser: CommandParser) -> None:
        days = settings.READINESS_RETENTION_DAYS
        parser.add_argument("--days", type=int, default=days, help=f"keep this many days ({days} by default)")
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        days: int = options["days"]
        if not 1 <= days <= LONGEST:
            raise CommandError(f"--days is {days}; give a number from 1 to {LONGEST}.", returncode=EXIT_USAGE)
        if options["dry_run"]:
            would = cleanup_preview(retention_days=days)
            self.stdout.write(
                f"{would.by_age} errors are older than {days} days{_beyond(would.by_count)}; nothing was removed "
                "(--dry-run)."
            )
            return

        def work(*, actor: Actor) -> str:
            gone = cleanup_old_errors(retention_days=days, actor=actor, reason=f"cleanup_old_errors --days {days}")
            return f"{gone.by_age} errors older than {days} days{_beyond(gone.by_count)} forgotten."

        ended = job_run(key="retention", actor=COMMAND_LINE, duty=work)
        if ended.outcome is Outcome.SKIPPED:
            raise CommandError(f"{ended.summary} Wait for its end, then ask again.", returncode=EXIT_BUSY)
        if ended.outcome is Outcome.FAILED:
            raise CommandError(f"{ended.summary} It is recorded as {ended.error_id}.", returncode=EXIT_OURS)
        self.stdout.write(ended.summary)


def _beyond(count: int) -> str:
    return f", and {count} beyond what their incidents keep" if count else ""
