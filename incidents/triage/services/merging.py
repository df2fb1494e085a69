"""Merging incidents and undoing it: what is refused, and what becomes of the fields. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from incidents.triage.services.severity import ops_severity_compute, worse_severity
from readiness.infra.envelope import ErrorClass, ErrorSeverity
from readiness.infra.refusals import Conflict, FieldError, Invalid

MAX_AT_ONCE = 20
_OPEN = ("detected", "acknowledged", "diagnosed", "recurred")
_TIMES = ("first_seen", "last_seen", "detected_at")


class Mergeable(Protocol):
    """What the rules ask of an incident."""

    pk: int
    project_id: int
    synthetic: bool
    status: str
    merged_into_id: int | None
    priority: str
    priority_confirmed: bool
    priority_inferred: bool
    severity: str
    ops_severity: str
    error_class: str
    trusted: bool
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    first_error_id: str
    first_correlation_id: str
    last_error_id: str
    last_release: str
    last_environment: str
    detected_at: datetime
    diagnosed_at: datetime | None


def _name(incident: Mergeable) -> str:
    return f"INC-{incident.pk}"


def merge_ids_check(*, source_ids: Sequence[int], target_id: int) -> list[int]:
    """The sources, each once, in order. Raises Invalid for none, too many, or the target among them."""
    sources = sorted(set(source_ids))
    if not sources:
        raise Invalid(
            "Nothing was merged: choose at least two incidents.", errors=[FieldError("/incidents", "Choose two.")]
        )
    if target_id in sources:
        raise Invalid(
            f"INC-{target_id} cannot be merged into itself; choose another one to keep.",
            errors=[FieldError("/into", "It is among those that are merged.")],
        )
    if len(sources) > MAX_AT_ONCE:
        raise Invalid(
            f"At most {MAX_AT_ONCE} incidents are merged at once; these are {len(sources)}.",
            errors=[FieldError("/incidents", f"At most {MAX_AT_ONCE}.")],
        )
    return sources


def merge_check(*, sources: Iterable[Mergeable], target: Mergeable, held: Mapping[int, str]) -> None:
    """Raises Conflict where a merge would hide something. `held`: what people wrote on an incident, by its number (`a
    root cause and 2 controls`): that stays where it is, so such an incident takes others in, and is never taken.
    """
    _not_merged(target)
    for source in sources:
        _not_merged(source)
        if source.project_id != target.project_id:
            raise Conflict(
                f"{_name(source)} and {_name(target)} belong to different projects; errors of two tenants stay apart."
            )
        if source.synthetic != target.synthetic:
            raise Conflict(
                f"{_name(source)} and {_name(target)}: one is a sample and the other is real. A sample must not count."
            )
        if held.get(source.pk):
            way_out = (
                f"Merge the other way: keep {_name(source)}."
                if not held.get(target.pk)
                else f"{_name(target)} has {held[target.pk]}: keep both, and name the one in the other's root cause."
            )
            raise Conflict(f"{_name(source)} has {held[source.pk]}, which would be out of sight. {way_out}")


def _not_merged(incident: Mergeable) -> None:
    if incident.merged_into_id is not None:
        raise Conflict(f"{_name(incident)} was merged into INC-{incident.merged_into_id} already.")


def moves_check(*, moves: Mapping[int, int], seen: Mapping[int, int]) -> None:
    """Raises Conflict where an incident's hashes were moved since somebody looked: the numbers that they confirmed are
    no longer true. `moves`, `seen`: how often they had been moved, now and then, by incident.
    """
    changed = [pk for pk, number in seen.items() if pk in moves and moves[pk] != number]
    if changed:
        names = " and ".join(f"INC-{pk}" for pk in sorted(changed))
        raise Conflict(
            f"Somebody merged, split or undid something in {names} while you were looking; nothing was changed now. "
            "Read the new numbers, then confirm again."
        )


def unmerge_check(*, source: Mergeable, target: Mergeable, undone_by: str | None) -> None:
    """Raises Conflict for a merge that was undone already, or whose target went into another incident since."""
    if undone_by is not None:
        raise Conflict(f"{_name(source)} was taken out of {_name(target)} already, by {undone_by}.")
    if target.merged_into_id is not None:
        raise Conflict(
            f"{_name(target)} was itself merged into INC-{target.merged_into_id} since; undo that merge first."
        )


def merge_keeps_open(*, source: Mergeable, target: Mergeable) -> None:
    """Raises Conflict where an open incident would end by being merged into a resolved one that was less grave: what
    has to be proven before it closes would go unproven.
    """
    if source.status in _OPEN and target.status not in _OPEN and source.priority < target.priority:
        raise Conflict(
            f"{_name(target)} is {target.status} as a {target.priority}, and {_name(source)} is an open "
            f"{source.priority} that was not seen after that: merged, it would end unproven. Merge the other way."
        )


def merge_fields(*, source: Mergeable, target: Mergeable) -> dict[str, Any]:
    """The target's fields that change: it was seen when either was, and is as grave as the graver open one, so that
    nothing that blocks a verdict goes by being merged away.
    """
    fields: dict[str, Any] = {"occurrences": target.occurrences + source.occurrences}
    if source.first_seen < target.first_seen:
        first = ("first_seen", "first_error_id", "first_correlation_id")
        fields |= {name: getattr(source, name) for name in first}
    if source.last_seen > target.last_seen:
        last = ("last_seen", "last_error_id", "last_release", "last_environment")
        fields |= {name: getattr(source, name) for name in last}
    if source.status in _OPEN and target.status in _OPEN:
        if target.diagnosed_at is None and source.detected_at < target.detected_at:
            fields["detected_at"] = source.detected_at
        if source.priority < target.priority:
            priority = ("priority", "priority_confirmed", "priority_inferred")
            fields |= {name: getattr(source, name) for name in priority}
    severity = worse_severity(target.severity, source.severity)
    fields["severity"] = severity
    fields["ops_severity"] = ops_severity_compute(
        severity=ErrorSeverity(severity),
        error_class=ErrorClass(target.error_class),
        occurrences=fields["occurrences"],
    ).value
    fields["trusted"] = target.trusted or source.trusted
    return {name: value for name, value in fields.items() if getattr(target, name) != value}


def fields_keep(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as they are written down with the merge: times as text, the count left out (it goes on)."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in fields.items()
        if name != "occurrences"
    }


def fields_restore(
    *, before: Mapping[str, Any], after: Mapping[str, Any], present: Mapping[str, Any]
) -> dict[str, Any]:
    """What undoing a merge gives back: the fields that are still as the merge left them. What a person or a later event
    changed since stays.
    """
    return {
        name: datetime.fromisoformat(value) if name in _TIMES else value
        for name, value in before.items()
        if fields_keep({name: present[name]})[name] == after.get(name)
    }


def split_check(*, incident_id: int, wanted: Sequence[int], owned: Sequence[int]) -> None:
    """Raises Invalid when nothing is chosen, Conflict for a hash that is elsewhere, or when none would be left."""
    if not wanted:
        raise Invalid(
            "Nothing was split off: choose at least one hash.", errors=[FieldError("/fingerprints", "Choose one.")]
        )
    if not set(wanted) <= set(owned):
        raise Conflict(f"One of these hashes is no hash of INC-{incident_id} any more; look at the page again.")
    if set(wanted) == set(owned):
        raise Conflict(f"INC-{incident_id} would have no hash left. Leave one, or merge it into another incident.")
