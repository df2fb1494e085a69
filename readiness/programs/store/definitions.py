"""Queries of programs and their definition: rows by key, replaced by each import, retired when gone."""

from datetime import date, datetime
from typing import Any, TypeVar

from django.db.models import Exists, OuterRef, QuerySet

from readiness.infra.remembered import Remembered
from readiness.infra.transactions import SingleConnectionTxn
from readiness.programs.models import (
    Criterion,
    Gate,
    Program,
    RubricCategory,
)
from readiness.programs.services.definition import ProgramDefinition
from readiness.programs.services.program_build import controls_data, definition_build, definition_data
from readiness.programs.store.evidence import decimal_plain

PROGRAMS_SHOWN = 100
M = TypeVar("M", Gate, Criterion, RubricCategory)
# By a program and the moment of its last import, which alone writes a definition: what is kept is never old.
_DEFINITIONS: Remembered[ProgramDefinition] = Remembered(most=2 * PROGRAMS_SHOWN)


def program_find(slug: str) -> Program | None:
    return Program.objects.filter(slug=slug).first()


def program_main() -> Program | None:
    """The one that the home page shows: the first that was imported and is not frozen, else the first."""
    programs = list(programs_listed())
    return next((program for program in programs if program.frozen_now is None), programs[0] if programs else None)


def programs_listed() -> QuerySet[Program]:
    """The list page and the daily record, oldest first."""
    return Program.objects.order_by("created_at", "pk")[:PROGRAMS_SHOWN]


def program_locked(txn: SingleConnectionTxn, *, slug: str) -> Program | None:
    """The program's row, locked: writers of one program stand in line here, and its chain grows one link at a time."""
    return txn.lock_rows(Program.objects.filter(slug=slug)).first()


def program_ensure(txn: SingleConnectionTxn, *, definition: ProgramDefinition, at: datetime) -> tuple[Program, bool]:
    """The program of this slug, locked, and whether it was made just now."""
    made = not Program.objects.filter(slug=definition.slug).exists()
    if made:  # two imports at once: the second one's insert does nothing, and both go on with the one row
        blank = Program(slug=definition.slug, evidence_max_age_days=1, created_at=at, updated_at=at)
        Program.objects.bulk_create([blank], ignore_conflicts=True)
    return txn.lock_row(Program, slug=definition.slug), made


def definition_save(*, program: Program, definition: ProgramDefinition, at: datetime) -> None:
    """Replace the definition: rows of gates, criteria and categories are kept by key, what is gone is retired."""
    data = definition_data(definition)
    program.kind, program.title, program.subtitle = definition.kind.value, definition.title, definition.subtitle
    program.target, program.owner, program.threshold = definition.target, definition.owner, definition.threshold
    program.evidence_max_age_days = definition.evidence_max_age_days
    program.uplift = data.get("uplift", [])
    program.reviews = data.get("cadence", [])
    program.prerequisites = data.get("prerequisites", [])
    program.non_focus, program.frozen = data.get("non_focus", []), data.get("frozen")
    program.updated_at = at
    program.save()
    kept = {"program": program, "project_id": program.project_id}
    _replace(
        program,
        Gate,
        [
            Gate(
                key=gate.key,
                title=gate.title,
                position=position,
                required=gate.required,
                waits_for=list(gate.waits_for),
                **kept,
            )
            for position, gate in enumerate(definition.gates)
        ],
    )
    by_key = {gate.key: gate for gate in Gate.objects.filter(program=program, retired=False)}
    _replace(
        program,
        Criterion,
        [
            Criterion(
                gate=by_key[gate.key],
                key=criterion.key,
                text=criterion.text,
                unmet=criterion.unmet,
                next_step=criterion.next_step,
                comparator=criterion.comparator.value if criterion.comparator else "",
                threshold=criterion.threshold,
                unit=criterion.unit,
                aggregation=criterion.aggregation,
                max_age_days=criterion.max_age_days,
                computed=criterion.computed.value if criterion.computed else "",
                controls=controls_data(criterion.controls),
                position=position,
                **kept,
            )
            for gate in definition.gates
            for position, criterion in enumerate(gate.criteria)
        ],
    )
    _replace(
        program,
        RubricCategory,
        [
            RubricCategory(key=category.key, title=category.title, weight=category.weight, position=position, **kept)
            for position, category in enumerate(definition.categories)
        ],
    )


def _replace(program: Program, model: type[M], rows: list[M]) -> None:
    """Retire all of the program's rows, then put `rows` in their places by key; new ones are added."""
    model._default_manager.filter(program=program).update(retired=True)
    places = [field.name for field in model._meta.concrete_fields if field.name not in ("id", "program", "key")]
    model._default_manager.bulk_create(
        rows, update_conflicts=True, unique_fields=["program", "key"], update_fields=places
    )


def programs_guarded(*, project_id: int) -> list[str]:
    """Slugs of the programs with a gate that rests on controls of this project; a pinned one looks at none."""
    criteria = Criterion.objects.filter(program=OuterRef("pk"), retired=False)
    guarded = criteria.exclude(controls__isnull=True, computed="")
    rows = Program.objects.filter(Exists(guarded), project_id__in=(0, project_id), as_of__isnull=True)
    return list(rows.order_by("pk").values_list("slug", flat=True)[:PROGRAMS_SHOWN])


def program_pin(*, program: Program, as_of: date | None, recorded: dict[str, Any] | None = None) -> None:
    """Pin the program to a date (or to none: today), with what the document of that date says."""
    program.as_of = as_of
    if recorded is not None:
        program.recorded = recorded
    program.save(update_fields=["as_of", "recorded"])


def program_definition(program: Program) -> ProgramDefinition:
    """The definition, read back from its rows: three queries after an import, then none by this process."""
    key = (program.pk, program.slug, program.updated_at)
    return _DEFINITIONS.find(key) or _DEFINITIONS.keep(key, _definition_read(program))


def _definition_read(program: Program) -> ProgramDefinition:
    gates = Gate.objects.filter(program=program, retired=False).order_by("position")
    criteria: dict[int, list[Criterion]] = {}
    for criterion in Criterion.objects.filter(program=program, retired=False).order_by("position"):
        criteria.setdefault(criterion.gate_id, []).append(criterion)
    categories = RubricCategory.objects.filter(program=program, retired=False).order_by("position")
    data: dict[str, Any] = {
        "program": program.slug,
        "kind": program.kind,
        "title": program.title,
        "subtitle": program.subtitle,
        "target": program.target,
        "owner": program.owner,
        "threshold": program.threshold,
        "evidence_max_age_days": program.evidence_max_age_days,
        "gates": [
            {
                "key": gate.key,
                "title": gate.title,
                "required": gate.required,
                "waits_for": gate.waits_for,
                "criteria": [_criterion_data(criterion) for criterion in criteria.get(gate.pk, ())],
            }
            for gate in gates
        ],
        "rubric": [{"key": c.key, "title": c.title, "weight": c.weight} for c in categories],
        "uplift": program.uplift,
        "cadence": program.reviews,
        "prerequisites": program.prerequisites,
        "non_focus": program.non_focus,
        "frozen": program.frozen,
    }
    return definition_build(data)


def _criterion_data(criterion: Criterion) -> dict[str, Any]:
    data: dict[str, Any] = {
        "key": criterion.key,
        "asks": criterion.text,
        "unmet": criterion.unmet,
        "next": criterion.next_step,
        "unit": criterion.unit,
        "aggregation": criterion.aggregation,
        "max_age_days": criterion.max_age_days,
        "computed": criterion.computed,
        "controls": criterion.controls,
    }
    if criterion.comparator and criterion.threshold is not None:
        data |= {"value": criterion.comparator, "threshold": decimal_plain(criterion.threshold)}
    return data
