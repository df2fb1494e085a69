"""`manage.py verdict PROGRAM [--json]`: the computed verdict, for people and for pipelines (INTERFACES.md).

Exit 0 GO or PROCEED, 1 NO-GO or EXTEND (missing data included), 2 CANCEL, 3 nothing in the program can be evaluated,
64 bad usage or unknown program, 70 an error of ours. The verdict is recorded when it changed, and once a day.
"""

import json
import sys
from collections.abc import Iterator
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandError, CommandParser

from readiness.infra.actor import Actor
from readiness.infra.refusals import Refusal
from readiness.programs.adapters import verdict_body
from readiness.programs.services.evaluation import Evaluation
from readiness.programs.services.verdict import verdict_exit_code
from readiness.programs.workflows import verdict_record

EXIT_USAGE, EXIT_OURS, EXIT_ARGPARSE = 64, 70, 2
log = structlog.get_logger("verdict")


class Command(BaseCommand):
    help = "Compute the verdict of a program; the exit code says it too."
    # A failed check of the installation is no verdict, and pipelines ask often: `manage.py check` is for that.
    requires_system_checks: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.code = EXIT_OURS

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("program", metavar="PROGRAM")
        parser.add_argument("--json", action="store_true", help="print the verdict as JSON")

    def run_from_argv(self, argv: list[str]) -> None:
        """Django's own exit codes would be read as verdicts: argparse's 2 as CANCEL, a traceback's 1 as NO-GO."""
        try:
            super().run_from_argv(argv)
        except SystemExit as ended:
            if not ended.code:
                raise
            sys.exit(EXIT_USAGE if ended.code in (EXIT_USAGE, EXIT_ARGPARSE) else EXIT_OURS)
        except Exception as failure:  # a pipeline reads the exit status: 70, ours, whatever it was
            log.exception("verdict failed")
            self.stderr.write(f"The verdict could not be computed: {type(failure).__name__}: {failure}")
            sys.exit(EXIT_OURS)
        sys.exit(self.code)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            view = verdict_record(
                slug=options["program"],
                actor=Actor(kind="system", name="manage.py verdict"),
                cause="the verdict changed",
            )
        except Refusal as refusal:
            raise CommandError(refusal.detail, returncode=EXIT_USAGE) from None
        evaluation = view.evaluation
        if options["json"]:
            self.stdout.write(json.dumps(verdict_body(evaluation, uplift_status=view.uplift_status), indent=2))
        else:
            self.stdout.write("\n".join(_lines(evaluation)))
        self.code = verdict_exit_code(verdict=evaluation.verdict, evaluable=evaluation.evaluable)


def _lines(evaluation: Evaluation) -> Iterator[str]:
    program, rubric, uplift = evaluation.program, evaluation.rubric, evaluation.uplift
    target = f" for {program.target}" if program.target else ""
    yield f"{'FROZEN' if evaluation.frozen else evaluation.verdict}{target}: {program.title}"
    if rubric:
        yield f"Score {rubric.total} of {rubric.threshold} needed" + ("" if rubric.passed else f", {rubric.gap} short")
    passed = sum(gate.status == "PASS" for gate in evaluation.gates)
    yield f"Gates {passed} of {len(evaluation.gates)} pass"
    yield from (f"  {gate.key} only by a waiver: {gate.note}" for gate in evaluation.gates if gate.by_waiver)
    if evaluation.blockers:
        yield "\nWhy" if evaluation.frozen else f"\nWhy not {'PROCEED' if program.kind == 'pilot' else 'GO'}"
        for blocker in evaluation.blockers:
            then = f"  → {blocker.next_step}" if blocker.next_step else ""
            yield f"  {blocker.ref:<10} {blocker.text}{then}"
    if uplift and uplift.steps:
        yield "\nCheapest path" + (f" to {rubric.threshold}" if rubric and uplift.suffices else "")
        for step in uplift.steps:
            move = f"{step.title} {step.step.from_score} → {step.step.to_score}"
            yield f"  +{step.points:<6} {move}: {step.step.requirement}"
        yield f"  reaches {uplift.reaches}"
    yield ""
    if evaluation.next_review:
        yield f"Next review {evaluation.next_review:%A %Y-%m-%d}"
    if evaluation.as_of:
        yield f"Pinned to {evaluation.as_of}: freshness and the calendar use that date"
    for warning in evaluation.warnings:
        yield f"warning: {warning}"
