"""What founders decide about classes and layers: rules, tried on past events before they are saved; the taxonomy.

Capture asks for them where it asks for the scrubbing rules (workflows.scrubbing.capture_rules), and remembers them as
long: a change holds in every process within two seconds. Stored errors are never classified anew.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

from django.db import transaction

from incidents.errors.models import ComponentRule, ExceptionRule
from incidents.errors.services.class_rules import (
    MAX_RULES,
    ClassRules,
    GlobBroken,
    PlaceRule,
    TypeRule,
    glob_compile,
    rules_contradict,
)
from incidents.errors.services.rule_trials import Trial, rule_trial
from incidents.errors.store import class_rules as store
from incidents.errors.store.questions import error_counts_by
from incidents.errors.workflows.scrubbing import capture_rules_forget_recent
from incidents.errors.workflows.storing import incident_sink
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.envelope import LAYERS, ErrorClass
from readiness.infra.refusals import Conflict, FieldError, Invalid, NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

log = logging.getLogger(__name__)
TRIED_ON = 500
COUNTED_FOR = timedelta(days=7)
_MAX_POSITION = 1_000_000
_MAX_NOTE = 200
Row = TypeVar("Row", ExceptionRule, ComponentRule)


@dataclass(frozen=True, slots=True)
class RuleEdit:
    """A rule as a founder writes it: `id` None for a new one, `project_id` 0 for every project; `outcome` is the class
    of an exception type, or the layer of a component.
    """

    id: int | None
    project_id: int
    position: int
    pattern: str
    outcome: str
    note: str = ""
    active: bool = True


# --- saving -----------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.ATOMIC_WRITE)
def exception_rule_save(session: Session, *, edit: RuleEdit, actor: Actor) -> ExceptionRule:
    """Add or change an exception-type rule. Raises Invalid (a pointer for each bad field), NotFound, Conflict."""
    _check(edit, outcome="error_class", choices=[error_class.value for error_class in ErrorClass])
    return _save(ExceptionRule, edit, {"error_class": edit.outcome}, actor)


@transactional(TransactionIntent.ATOMIC_WRITE)
def component_rule_save(session: Session, *, edit: RuleEdit, actor: Actor) -> ComponentRule:
    """Add or change a component rule. Raises Invalid (a pointer for each bad field), NotFound, Conflict."""
    _check(edit, outcome="layer", choices=LAYERS)
    return _save(ComponentRule, edit, {"layer": edit.outcome}, actor)


@transactional(TransactionIntent.ATOMIC_WRITE)
def exception_rule_delete(session: Session, *, rule_id: int, actor: Actor) -> None:
    """Forget a rule; what it classified stays as it is. Raises NotFound."""
    _delete(ExceptionRule, rule_id, actor)


@transactional(TransactionIntent.ATOMIC_WRITE)
def component_rule_delete(session: Session, *, rule_id: int, actor: Actor) -> None:
    """Forget a rule; what it placed stays as it is. Raises NotFound."""
    _delete(ComponentRule, rule_id, actor)


def _check(edit: RuleEdit, *, outcome: str, choices: Sequence[str]) -> None:
    bad: list[FieldError] = []
    try:
        glob_compile(edit.pattern)
    except GlobBroken as broken:
        bad.append(FieldError("/pattern", str(broken)))
    if edit.outcome not in choices:
        bad.append(FieldError(f"/{outcome}", f"{edit.outcome[:80]!r} is none of {', '.join(choices)}."))
    if not 0 <= edit.position <= _MAX_POSITION:
        bad.append(FieldError("/position", f"A position is a number from 0 to {_MAX_POSITION}; small ones come first."))
    if len(edit.note) > _MAX_NOTE:
        bad.append(FieldError("/note", f"A note has at most {_MAX_NOTE} characters."))
    if bad:
        raise Invalid("This rule cannot be used as it is; nothing was saved.", errors=bad)


def _save(model: type[Row], edit: RuleEdit, outcome: Mapping[str, object], actor: Actor) -> Row:
    if edit.active and store.rules_count(model, project_id=edit.project_id, besides=edit.id) >= MAX_RULES:
        raise Conflict(f"There are {MAX_RULES} active rules already; make one of several, or switch one off.")
    values = {"project_id": edit.project_id, "position": edit.position, "pattern": edit.pattern, **outcome}
    row = store.rule_put(model, rule_id=edit.id, values={**values, "note": edit.note, "active": edit.active})
    if row is None:
        raise NotFound("This rule is gone; somebody else deleted it. Add it anew if it is still needed.")
    transaction.on_commit(capture_rules_forget_recent)
    log.info("rule saved", extra={"rule": row.pk, "kind": model._meta.model_name, "actor": actor.name, **values})
    return row


def _delete(model: type[Row], rule_id: int, actor: Actor) -> None:
    if not store.rule_delete(model, rule_id):
        raise NotFound("This rule is gone already.")
    transaction.on_commit(capture_rules_forget_recent)
    log.info("rule deleted", extra={"rule": rule_id, "kind": model._meta.model_name, "actor": actor.name})


# --- trying -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RuleTrial:
    """What a rule would do. `contradicted`: saved rules whose layer may not speak of its class, or the other way round.
    `active`: whether the rule itself is; it is tried as if it were.
    """

    trial: Trial
    contradicted: Sequence[str]
    active: bool
    project_id: int


@transactional(TransactionIntent.READ_ONLY)
def exception_rule_try(session: Session, *, edit: RuleEdit) -> RuleTrial:
    """Try an exception-type rule on the newest TRIED_ON stored events; nothing is saved. Raises Invalid."""
    _check(edit, outcome="error_class", choices=[error_class.value for error_class in ErrorClass])
    return _try(ExceptionRule, edit, TypeRule(edit.pattern, ErrorClass(edit.outcome), edit.id or 0))


@transactional(TransactionIntent.READ_ONLY)
def component_rule_try(session: Session, *, edit: RuleEdit) -> RuleTrial:
    """Try a component rule on the newest TRIED_ON stored events; nothing is saved. Raises Invalid."""
    _check(edit, outcome="layer", choices=LAYERS)
    return _try(ComponentRule, edit, PlaceRule(edit.pattern, edit.outcome, edit.id or 0))


def _try(model: type[Row], edit: RuleEdit, edited: TypeRule | PlaceRule) -> RuleTrial:
    saved = store.rule_find(model, edit.id) if edit.id else None
    looked = edit.project_id if saved is None or saved.project_id == edit.project_id else store.EVERYBODY
    type_rows = [_Placed(row, store.type_rule(row)) for row in store.rows_active(ExceptionRule)]
    place_rows = [_Placed(row, store.place_rule(row)) for row in store.rows_active(ComponentRule)]
    if isinstance(edited, TypeRule):
        after = _rules_of(_with(type_rows, edit, edited), place_rows)
    else:
        after = _rules_of(type_rows, _with(place_rows, edit, edited))
    trial = rule_trial(
        edited=edited,
        events=store.newest_events(project_id=looked, limit=TRIED_ON),
        before=_rules_of(type_rows, place_rows),
        after=after,
    )
    return RuleTrial(_linked(trial), _contradicted(edit, edited), edit.active, looked)


class _Placed:
    """A rule with its place among the others."""

    def __init__(self, row: Any, rule: Any) -> None:
        self.project_id, self.rule = row.project_id, rule
        self.place = (-row.project_id, row.position, row.id or float("inf"))  # a new one comes last


def _with(rows: Sequence[_Placed], edit: RuleEdit, edited: TypeRule | PlaceRule) -> list[_Placed]:
    others = [row for row in rows if row.rule.id != edit.id]
    return sorted([*others, _Placed(edit, edited)], key=lambda row: row.place)


def _rules_of(types: Sequence[_Placed], places: Sequence[_Placed]) -> Callable[[int], ClassRules]:
    @cache
    def of(project_id: int) -> ClassRules:
        whose = {store.EVERYBODY, project_id}
        return ClassRules(
            types=[row.rule for row in types if row.project_id in whose],
            places=[row.rule for row in places if row.project_id in whose],
        )

    return of


def _linked(trial: Trial) -> Trial:
    """The trial with the incidents of its examples."""
    keys = [(example.project_id, example.fingerprint) for change in trial.changes for example in change.examples]
    known = incident_sink().incidents_of_groups(keys) if keys else {}
    return replace(
        trial,
        changes=[
            replace(
                change,
                examples=[
                    replace(example, incident=known.get((example.project_id, example.fingerprint), ""))
                    for example in change.examples
                ],
            )
            for change in trial.changes
        ],
    )


@transactional(TransactionIntent.READ_ONLY)
def rule_contradictions(session: Session, *, edit: RuleEdit, kind: str) -> Sequence[str]:
    """The active rules that no error can follow together with this one (126-130); `kind`: error_class or layer."""
    edited: TypeRule | PlaceRule
    if kind == "error_class":
        edited = TypeRule(edit.pattern, ErrorClass(edit.outcome), edit.id or 0)
    else:
        edited = PlaceRule(edit.pattern, edit.outcome, edit.id or 0)
    return _contradicted(edit, edited)


def _contradicted(edit: RuleEdit, edited: TypeRule | PlaceRule) -> list[str]:
    types, places = store.class_rules_active(edit.project_id)
    if isinstance(edited, TypeRule):
        pairs = rules_contradict(types=[edited], places=places)
        return [f"{place.layer} may not emit {edited.error_class}: {place}" for _, place in pairs]
    pairs = rules_contradict(types=types, places=[edited])
    return [f"{edited.layer} may not emit {rule.error_class}: {rule}" for rule, _ in pairs]


# --- the taxonomy -----------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.READ_ONLY)
def class_counts_read(session: Session) -> dict[str, int]:
    """Errors of each class in the last COUNTED_FOR, from the rollups."""
    now = utcnow()
    return error_counts_by(field="error_class", since=now - COUNTED_FOR, until=now)
