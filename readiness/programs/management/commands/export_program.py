"""`manage.py export_program PROGRAM > FILE`: the definition as YAML, which import_program reads back to the same.

Exit 0 done, 64 unknown program.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.refusals import Refusal
from readiness.programs.services.program_file import program_write
from readiness.programs.workflows import program_export

EXIT_USAGE = 64


class Command(BaseCommand):
    help = "Write a program's definition as YAML; attestations and evidence stay here."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program", metavar="PROGRAM")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            definition = program_export(slug=options["program"])
        except Refusal as refusal:
            raise CommandError(refusal.detail, returncode=EXIT_USAGE) from None
        self.stdout.write(program_write(definition), ending="")
