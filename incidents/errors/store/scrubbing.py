"""Scrubbing's queries: a project's rules and settings, and the newest texts to try a rule on."""

from collections.abc import Mapping, Sequence

from incidents.errors.models import CaptureSettings, ErrorEvent, ScrubRule
from incidents.errors.services.scrub_rules import MAX_RULES, Rule

EVERYBODY = 0
_LOOKED_AT = 2_000


def rules_active(project_id: int, *, but: int | None = None) -> list[Rule]:
    """The rules that hold for a project: its own and everybody's, the oldest first; not the one with this id."""
    rows = ScrubRule.objects.filter(project_id__in=(EVERYBODY, project_id), active=True).exclude(pk=but or 0)
    rows = rows.order_by("id")
    return [Rule(target, pattern) for target, pattern in rows.values_list("target", "pattern")[: 2 * MAX_RULES]]


def rules_count(project_id: int, *, but: int | None = None) -> int:
    """How many active rules of its own a project has (0: everybody's), without the one with this id."""
    return ScrubRule.objects.filter(project_id=project_id, active=True).exclude(pk=but or 0).count()


def raw_input_settings(project_id: int) -> tuple[list[str], bool]:
    """(names of raw input that is kept, whether addresses are), the project's own and everybody's together."""
    rows = CaptureSettings.objects.filter(project_id__in=(EVERYBODY, project_id))
    found = list(rows.values_list("kept_fields", "keep_ip"))
    return [str(name) for names, _ in found for name in names or ()], any(keep_ip for _, keep_ip in found)


def rule_put(*, rule_id: int | None, values: Mapping[str, object]) -> ScrubRule | None:
    """Add a rule, or change the one with this id; None when there is none."""
    if rule_id is None:
        return ScrubRule.objects.create(**values)
    if not ScrubRule.objects.filter(pk=rule_id).update(**values):
        return None
    return ScrubRule.objects.get(pk=rule_id)


def rule_delete(rule_id: int) -> bool:
    """Forget a rule; whether there was one."""
    return bool(ScrubRule.objects.filter(pk=rule_id).delete()[0])


def recent_events(*, project_id: int, limit: int) -> Sequence[ErrorEvent]:
    """A project's newest events (of any project for 0), the newest first; looked for among the newest of all."""
    newest = ErrorEvent.objects.order_by("-created_at").values_list("project_id", "error_id")[:_LOOKED_AT]
    mine = [(project, error_id) for project, error_id in newest if project_id in (EVERYBODY, project)][:limit]
    events = ErrorEvent.objects.filter(error_id__in=[error_id for _, error_id in mine]).order_by("-created_at")
    return [event for event in events[: 2 * limit] if (event.project_id, event.error_id) in mine]
