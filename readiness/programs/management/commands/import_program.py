"""`manage.py import_program FILE|LIBRARY-NAME [--example]` (INTERFACES.md).

Exit 0 done (a second time changes nothing), 64 no such file or library program, 65 a file with mistakes, each named by
its line; nothing is half-imported.
"""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.actor import Actor
from readiness.infra.refusals import Refusal
from readiness.programs.services.program_file import LIBRARY, ProgramFile, library_names, program_read
from readiness.programs.services.program_yaml import MAX_BYTES, ProgramFileError
from readiness.programs.workflows import ImportResult, program_import

EXIT_USAGE, EXIT_DATA = 64, 65


class Command(BaseCommand):
    help = f"Import a program from a YAML file or by its library name ({', '.join(library_names())})."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program", metavar="FILE|LIBRARY-NAME")
        parser.add_argument(
            "--example",
            action="store_true",
            help="also load what the document behind the program attests, and pin the program to its date",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        file = _read(options["program"])
        try:
            result = program_import(
                definition=file.definition,
                example=file.example,
                load_example=options["example"],
                actor=Actor(kind="system", name="manage.py import_program"),
            )
        except Refusal as refusal:
            raise CommandError(refusal.detail, returncode=EXIT_USAGE) from None
        self._tell(result, example=options["example"])

    def _tell(self, result: ImportResult, *, example: bool) -> None:
        evaluation = result.view.evaluation
        program, what = evaluation.program, "unchanged"
        if result.changed:
            what = "imported" if result.made else "updated"
        self.stdout.write(
            f"{program.slug} {what}: {len(program.gates)} gates, {len(program.categories)} rubric categories."
        )
        if example:
            kept = f"; {result.kept} said here since were kept" if result.kept else ""
            self.stdout.write(f"Attestations of the document: {result.loaded} loaded{kept}.")
        if evaluation.as_of:
            self.stdout.write(f"Pinned to {evaluation.as_of}: freshness and the calendar use that date.")
        for warning in evaluation.warnings:
            self.stderr.write(f"warning: {warning}")
        if evaluation.frozen:
            self.stdout.write(f"Frozen, so no verdict is asked of it: {evaluation.frozen.reason}")
            return
        score = f", {evaluation.rubric.total} of {evaluation.rubric.threshold}" if evaluation.rubric else ""
        self.stdout.write(f"Verdict: {evaluation.verdict}{score}. See why: manage.py verdict {program.slug}")


def _read(name: str) -> ProgramFile:
    path = Path(name)
    if not path.is_file() and name in library_names():
        path = LIBRARY / f"{name}.yaml"
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise CommandError(
            f"{name}: {error.strerror or error}. Give a file, or one of the library: {', '.join(library_names())}.",
            returncode=EXIT_USAGE,
        ) from None
    try:
        return program_read(name=path.name, raw=raw)
    except ProgramFileError as error:
        count = len(error.mistakes)
        mistakes = "1 mistake" if count == 1 else f"{count} mistakes"
        raise CommandError(f"{mistakes} in {name}; nothing was imported.\n{error}", returncode=EXIT_DATA) from None
