"""`manage.py export_playbook [--output FILE]`: the playbook as SESSION_PLAYBOOK.yaml, to be committed beside the code.

The same playbook gives the same bytes. Exit 0 done, 70 the file cannot be written.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from incidents.lessons.services.playbook_export import FILE_NAME
from incidents.lessons.workflows.reading.playbook_file import playbook_file_read

EXIT_OURS = 70


class Command(BaseCommand):
    help = f"Write the playbook as {FILE_NAME}: to standard output, or to a file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--output", metavar="FILE", type=Path, help=f"such as docs/{FILE_NAME}")

    def handle(self, *args: Any, **options: Any) -> None:
        text, output = playbook_file_read(), options["output"]
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as refused:
            raise CommandError(
                f"{output} cannot be written ({refused.strerror}). Name a file in a directory that there is.",
                returncode=EXIT_OURS,
            ) from None
        self.stderr.write(f"{output}: {len(text.splitlines()):,} lines.")
