"""`manage.py create_key NAME --scope …`: a founders' key, for the installation or one tenant (INTERFACES.md).

Exit 0 done, 1 unknown tenant, 64 bad usage. The key is shown this once.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.refusals import Invalid, Refusal
from readiness.tenants.access import COMMAND_LINE
from readiness.tenants.adapters import issued_key_body
from readiness.tenants.services.scopes import ALL_SCOPES
from readiness.tenants.workflows import key_create


class Command(BaseCommand):
    help = "Make an API key and show it this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what the key is for, such as ci")
        parser.add_argument(
            "--scope",
            action="append",
            required=True,
            dest="scopes",
            metavar="SCOPE",
            help=f"once for each scope: {', '.join(ALL_SCOPES)}",
        )
        parser.add_argument("--tenant", metavar="SLUG", help="a key of this tenant only; else the installation's")
        parser.add_argument("--environment", default="production", help="whose flags the key reads")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            issued = key_create(
                name=options["name"],
                scopes=options["scopes"],
                tenant=options["tenant"],
                environment=options["environment"],
                actor=COMMAND_LINE,
            )
        except Refusal as refusal:
            raise CommandError(refusal.detail, returncode=64 if isinstance(refusal, Invalid) else 1) from None
        if options["json"]:
            self.stdout.write(json.dumps(issued_key_body(issued), indent=2))
            return
        owner = f"tenant {issued.tenant}" if issued.tenant else "this installation"
        self.stdout.write(
            f"{issued.name}, for {owner}, may {', '.join(issued.scopes)}.\n"
            f"The key is shown this once: store it now.\n\n  {issued.key}\n\n"
            f"Send it as “Authorization: Bearer {issued.prefix}…” or “X-API-Key: {issued.prefix}…”."
        )
