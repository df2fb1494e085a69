"""`manage.py ensure_founder`: the first person of a new console; does nothing once there is anybody.

READINESS_FOUNDER_EMAIL and READINESS_FOUNDER_PASSWORD name them; without a password one is made and printed this once.
"""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.refusals import Refusal
from readiness.tenants.workflows import founder_ensure


class Command(BaseCommand):
    help = "Make the first founder if there is nobody yet, and show a made password this once."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help='print {"email", "created", "password"}')

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            founder = founder_ensure(
                email=settings.READINESS_FOUNDER_EMAIL, password=settings.READINESS_FOUNDER_PASSWORD
            )
        except Refusal as refusal:
            raise CommandError(f"READINESS_FOUNDER_EMAIL: {refusal.detail}", returncode=64) from None
        if options["json"]:
            body = {"email": founder.email, "created": founder.created, "password": founder.password}
            self.stdout.write(json.dumps(body))
        elif not founder.created:
            self.stdout.write("There are people here already; nobody was added or changed.")
        elif founder.password:
            self.stdout.write(
                f"Sign in as {founder.email} with the password {founder.password}\n"
                "It is shown this once; change it under Password once you are in."
            )
        else:
            self.stdout.write(f"Sign in as {founder.email} with the password of READINESS_FOUNDER_PASSWORD.")
