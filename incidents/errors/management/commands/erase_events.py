"""`manage.py erase_events --project N (--person WHO | --error-id ERR …) --reason TEXT [--dry-run]`: erasure (GDPR, 17).

Events and kept copies go under audited permits, and with them users' reports and the spans of their traces; tombstones
stay. Exit 0 done, 64 bad usage.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents.errors.workflows import events_erase, events_erasure_preview, person_erase, person_erasure_preview
from readiness.infra.refusals import Refusal
from readiness.tenants.access import COMMAND_LINE

EXIT_USAGE = 64


class Command(BaseCommand):
    help = "Erase what is stored of a person, or single events; audited, with tombstones. Incidents and counts stay."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--project", type=int, required=True, help="the project's number, as in its DSN")
        whom = parser.add_mutually_exclusive_group(required=True)
        whom.add_argument("--person", help="what the SDK sent as the user: the first of id, user name, e-mail, address")
        whom.add_argument("--error-id", action="append", default=[], help="a single event, err_…; may be repeated")
        parser.add_argument("--reason", default="", help="why; it is kept in the audit and in the tombstones")
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        project: int = options["project"]
        person, error_ids = options["person"], options["error_id"]
        try:
            if options["dry_run"]:
                would = (
                    person_erasure_preview(project_id=project, person=person)
                    if person is not None
                    else events_erasure_preview(project_id=project, error_ids=error_ids)
                )
                self.stdout.write(f"Would erase {would.words}; nothing was erased (--dry-run).")
                return
            who: dict[str, Any] = {"project_id": project, "actor": COMMAND_LINE, "reason": options["reason"]}
            gone = (
                person_erase(person=person, **who) if person is not None else events_erase(error_ids=error_ids, **who)
            )
        except Refusal as refused:
            raise CommandError(refused.detail, returncode=EXIT_USAGE) from refused
        self.stdout.write(f"Erased: {gone.words}.")
