"""`manage.py erase_events --project N (--person WHO | --error-id ERR …) --reason TEXT [--dry-run]`: erasure (GDPR, 17).

Events, kept copies and users' reports go under an audited permit, and tombstones stay. Exit 0 done, 64 bad usage.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents.errors.workflows import erasable_count, events_erase, person_erase
from readiness.infra.refusals import Refusal
from readiness.tenants.access import COMMAND_LINE

EXIT_USAGE = 64


class Command(BaseCommand):
    help = "Erase what is stored of a person, or single events; audited, with tombstones. Incidents and counts stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", type=int, required=True, help="the project's number, as in its DSN")
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--person", help="the id, user name, e-mail or address that the SDK sent as the user")
        whom.add_argument("--error-id", action="append", default=[], help="a single event, err_…; may be repeated")
        parser.add_argument("--reason", default="", help="why; it is kept in the audit and in the tombstones")
        parser.add_argument("--dry-run", action="store_true", help="only count a person's stored events")

    def handle(self, *args: Any, **options: Any) -> None:
        project: int = options["project"]
        try:
            if options["dry_run"]:
                count = erasable_count(project_id=project, person=options["person"] or "")
                self.stdout.write(f"{count} stored events are this person's; nothing was erased (--dry-run).")
                return
            if options["person"] is not None:
                gone = person_erase(
                    project_id=project, person=options["person"], actor=COMMAND_LINE, reason=options["reason"]
                )
            else:
                gone = events_erase(
                    project_id=project, error_ids=options["error_id"], actor=COMMAND_LINE, reason=options["reason"]
                )
        except Refusal as refused:
            raise CommandError(refused.detail, returncode=EXIT_USAGE) from refused
        self.stdout.write(f"Erased: {gone.events} events, {gone.copies} kept copies, {gone.reports} users' reports.")
