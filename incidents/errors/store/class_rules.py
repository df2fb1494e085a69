"""The queries of founders' rules for classes and layers, and the newest events to try one on."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from incidents.errors.models import ComponentRule, ErrorEvent, ExceptionRule
from incidents.errors.services.class_rules import MAX_RULES, PlaceRule, TypeRule
from readiness.infra.envelope import ErrorClass

EVERYBODY = 0
LOOKED_AT = 5_000  # a project's newest events are looked for among so many of all
_MOST_RULES = 10_000
_IN_ORDER = ("-project_id", "position", "id")  # a project's own before everybody's
Row = TypeVar("Row", ExceptionRule, ComponentRule)


def type_rule(row: ExceptionRule) -> TypeRule:
    """A row as capture asks it."""
    return TypeRule(row.pattern, ErrorClass(row.error_class), row.pk)


def place_rule(row: ComponentRule) -> PlaceRule:
    """A row as capture asks it."""
    return PlaceRule(row.pattern, row.layer, row.pk)


def class_rules_active(project_id: int) -> tuple[list[TypeRule], list[PlaceRule]]:
    """The rules that hold for a project, in the order in which they are asked."""
    whose, most = {EVERYBODY, project_id}, 2 * MAX_RULES
    types = ExceptionRule.objects.filter(project_id__in=whose, active=True).order_by(*_IN_ORDER)[:most]
    places = ComponentRule.objects.filter(project_id__in=whose, active=True).order_by(*_IN_ORDER)[:most]
    return [type_rule(row) for row in types], [place_rule(row) for row in places]


def rows_active(model: type[Row]) -> list[Row]:
    """Everybody's and each project's active rules, in the order in which they are asked."""
    return list(model._default_manager.filter(active=True).order_by(*_IN_ORDER)[:_MOST_RULES])


def rules_count(model: type[Row], *, project_id: int, besides: int | None) -> int:
    """How many active rules a project has, or everybody (0), without the one `besides`."""
    return model._default_manager.filter(project_id=project_id, active=True).exclude(pk=besides or 0).count()


def rule_put(model: type[Row], *, rule_id: int | None, values: Mapping[str, object]) -> Row | None:
    """Add a rule, or change the one with this id; None when there is none."""
    if rule_id is None:
        return model._default_manager.create(**values)
    if not model._default_manager.filter(pk=rule_id).update(**values):
        return None
    return model._default_manager.get(pk=rule_id)


def rule_find(model: type[Row], rule_id: int) -> Row | None:
    """A rule by its id."""
    return model._default_manager.filter(pk=rule_id).first()


def rule_delete(model: type[Row], rule_id: int) -> bool:
    """Forget a rule; whether there was one."""
    return bool(model._default_manager.filter(pk=rule_id).delete()[0])


def newest_events(*, project_id: int, limit: int) -> Sequence[ErrorEvent]:
    """The newest events of a project (0: of all), the newest first, with what a classification asks.

    A project's are looked for among the newest LOOKED_AT of all, so that a quiet one costs no more than a loud one.
    """
    newest = ErrorEvent.objects.order_by("-created_at")
    asked = newest.only(
        "project_id", "error_id", "layer", "component", "error_class", "message", "exception_type", "fingerprint",
        "payload", "created_at",
    )  # fmt: skip
    if project_id == EVERYBODY:
        return list(asked[:limit])
    rows = newest.values_list("project_id", "error_id", "created_at")[:LOOKED_AT]
    mine = [(error_id, at) for project, error_id, at in rows if project == project_id][:limit]
    if not mine:
        return []
    ids = [error_id for error_id, _ in mine]
    return list(asked.filter(project_id=project_id, error_id__in=ids, created_at__gte=mine[-1][1]))
