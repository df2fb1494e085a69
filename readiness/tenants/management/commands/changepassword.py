"""`manage.py changepassword E-MAIL`: as Django's, but the new password is stored by a workflow.

Django's own saves the row without a declared intent, which the guard on our tables refuses.
"""

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.refusals import Refusal
from readiness.tenants.access import COMMAND_LINE
from readiness.tenants.workflows import password_set, person_read


class Command(BaseCommand):
    help = "Set a person's password, asked for twice."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the person's e-mail")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_read(email=options["email"])
        if person is None:
            raise CommandError(f"Nobody here has the e-mail {options['email']}.")
        first = getpass.getpass("New password: ")
        if first != getpass.getpass("The same again: "):
            raise CommandError("The two differ; nothing was changed.")
        try:
            password_set(user_id=person.pk, password=first, actor=COMMAND_LINE)
        except Refusal as refusal:
            raise CommandError(f"{refusal.detail} Nothing was changed.") from None
        self.stdout.write(f"{person.email} has a new password; whoever was signed in as them is signed out.")
