"""Two incidents are one after all: merging them, and undoing it. Rows are updated, so it sticks."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from incidents.errors.store.groups import GroupFigures, group_figures, group_newest
from incidents.triage import store
from incidents.triage.models import Incident, IncidentFingerprint, IncidentMerge
from incidents.triage.services.merging import (
    fields_keep,
    fields_restore,
    merge_check,
    merge_fields,
    merge_ids_check,
    merge_keeps_open,
    moves_check,
    unmerge_check,
)
from incidents.triage.services.recurrence import recurrence_judge
from incidents.triage.services.severity import ops_severity_compute
from incidents.triage.workflows.moves import IncidentRef
from incidents.triage.workflows.recording import recurrence_mark, recurrence_tell
from incidents.triage.workflows.resolutions import resolutions_read
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.envelope import ErrorClass, ErrorSeverity
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import SingleConnectionTxn, TransactionIntent, transactional

Holders = Callable[..., Mapping[int, str]]


@cache
def _holders() -> tuple[Holders, ...]:
    return tuple(import_string(path) for path in settings.READINESS_INCIDENT_HOLDERS)


def incidents_held(incident_ids: Sequence[int]) -> dict[int, str]:
    """What people wrote on these incidents, in words, by number; the subjects above know."""
    found: dict[int, list[str]] = {}
    for holder in _holders():
        for pk, words in holder(incident_ids=incident_ids).items():
            found.setdefault(pk, []).append(words)
    return {pk: " and ".join(words) for pk, words in found.items()}


def incidents_lock(txn: SingleConnectionTxn, ids: Sequence[int]) -> dict[int, Incident]:
    """The incidents by number, locked in order, after the lock under which hashes are added. Raises NotFound."""
    store.fingerprints_lock()
    rows = {incident.pk: incident for incident in txn.lock_rows(Incident.objects.filter(pk__in=ids))}
    for pk in ids:
        if pk not in rows:
            raise NotFound(f"There is no INC-{pk}.")
    return rows


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_merge(
    txn: SingleConnectionTxn,
    *,
    source_ids: Sequence[int],
    target_id: int,
    actor: Actor,
    seen: Mapping[int, int] | None = None,
) -> IncidentRef:
    """Merge incidents into another: their hashes lead there from now on, their figures are added to its own, and their
    timelines are read with it. `seen`: how often each one's hashes had moved when the person looked.

    Raises Invalid (with itself, none, too many), NotFound, Conflict (services.merging).
    """
    sources = merge_ids_check(source_ids=source_ids, target_id=target_id)
    rows = incidents_lock(txn, sorted({*sources, target_id}))
    target = rows[target_id]
    merge_check(sources=[rows[pk] for pk in sources], target=target, held=incidents_held([*sources, target_id]))
    moves_check(moves={pk: row.moves for pk, row in rows.items()}, seen=seen or {})
    for pk in sources:
        _merge_one(txn, rows[pk], target, actor)
    store.incidents_moved([*sources, target_id])
    return IncidentRef(target.pk, target.status)


def _merge_one(txn: SingleConnectionTxn, source: Incident, target: Incident, actor: Actor) -> None:
    now = utcnow()
    places = store.release_times(source.pk)
    again = incident_seen_again(target, places)
    if again is None:
        merge_keeps_open(source=source, target=target)
    moved = store.fingerprint_ids(source.pk)
    fields = merge_fields(source=source, target=target)
    before = {name: getattr(target, name) for name in fields}
    shared = {place: first for place, (_, first, _) in store.release_times(target.pk).items() if place in places}
    store.figures_join(source_id=source.pk, target_id=target.pk)
    _set(target, fields)
    store.merge_add(
        project_id=source.project_id,
        source=source,
        target=target,
        at=now,
        actor=actor.name,
        moved=moved,
        status_before=source.status,
        before={**fields_keep(before), "releases": [[*place, first.isoformat()] for place, first in shared.items()]},
        after=fields_keep(fields),
    )
    store.fingerprints_move(moved, to=target.pk)
    store.merged_point([source.pk, *store.merged_below(source.pk)], to=target.pk)
    source.status, source.merged_into = Incident.Status.MERGED, target
    source.save(update_fields=["status", "merged_into"])
    for incident, text in (
        (source, f"Merged into {target.public_id} by {actor}: later events count there."),
        (target, f"{source.public_id} “{source.title}” was merged into this one by {actor}."),
    ):
        store.timeline_append(incident=incident, at=now, kind="merged", text=text, actor=actor.name)
    if again is not None:
        recurrence_mark(target, at=now, why=again, trusted=source.trusted)
        if source.trusted:
            recurrence_tell(txn, target)


def _set(incident: Incident, fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        setattr(incident, name, value)
    if fields:
        incident.save(update_fields=list(fields))


def incident_seen_again(incident: Incident, places: Mapping[store.Place, tuple[int, Any, Any]]) -> str | None:
    """Why a resolved incident has happened again, if it was seen in these places; None where it has not. `places`:
    (release, environment) → (occurrences, first, last).
    """
    if incident.status not in store.RESOLVED:
        return None
    found = resolutions_read([incident], {incident.pk: [release for release, _ in places]}).get(incident.pk)
    if found is None:
        return None
    known = found.with_late((first, release) for (release, _), (_, first, _) in places.items())
    for (release, environment), (_, _, last) in sorted(places.items(), key=lambda item: item[1][2]):
        verdict = recurrence_judge(
            at=last, received_at=utcnow(), release=release, environment=environment, resolution=known
        )
        if verdict.recurred:
            return verdict.reason
    return None


# --- undo -------------------------------------------------------------------------------------------------------------


@transactional(TransactionIntent.LOCKED_MUTATION)
def incident_unmerge(
    txn: SingleConnectionTxn, *, merge_id: int, actor: Actor, seen: Mapping[int, int] | None = None
) -> IncidentRef:
    """Undo a merge: the hashes that came with it go back, those that an upgrade added to them too, with the figures of
    then and the events stored since; the source is what it was. Raises NotFound, Conflict.
    """
    merge = merge_find(merge_id)
    rows = incidents_lock(txn, sorted({merge.source_id, merge.target_id}))
    merge.refresh_from_db()
    source, target = rows[merge.source_id], rows[merge.target_id]
    unmerge_check(source=source, target=target, undone_by=merge.undone_by if merge.undone_at else None)
    moves_check(moves={pk: row.moves for pk, row in rows.items()}, seen=seen or {})
    back = store.fingerprints_at(merge.moved, target.pk)
    since = figures_since(merge, back)
    _figures_give_up(source, figures_gone(merge, back))
    _figures_return(merge, source, target, since)
    store.fingerprints_move([row.pk for row in back], to=source.pk)
    source.status, source.merged_into = merge.status_before, None
    source.save(update_fields=["status", "merged_into"])
    store.merged_point(store.merged_below(source.pk), to=source.pk)
    merge.undone_at, merge.undone_by = utcnow(), actor.name
    merge.save(update_fields=["undone_at", "undone_by"])
    _others_apply(target)
    for incident in (source, target):
        last_seen_settle(incident)
        ops_severity_settle(incident)
    for incident, text in (
        (source, f"Taken out of {target.public_id} again by {actor}: its events count here."),
        (target, f"{source.public_id} was taken out again by {actor}."),
    ):
        store.timeline_append(incident=incident, at=merge.undone_at, kind="unmerged", text=text, actor=actor.name)
    store.incidents_moved([source.pk, target.pk])
    if (again := incident_seen_again(source, since.releases)) is not None:
        recurrence_mark(source, at=utcnow(), why=again, trusted=source.trusted)
        if source.trusted:
            recurrence_tell(txn, source)
    return IncidentRef(source.pk, source.status)


def merge_find(merge_id: int) -> IncidentMerge:
    """Raises NotFound."""
    if (merge := store.merge_find(merge_id)) is None:
        raise NotFound("There is no such merge; the incident's grouping page lists those that there are.")
    return merge


def figures_since(merge: IncidentMerge, back: Sequence[IncidentFingerprint]) -> GroupFigures:
    """What the stored events under these hashes come to that arrived since the merge."""
    hashes = [row.fingerprint for row in back]
    if not hashes:
        return GroupFigures()
    return group_figures(project_id=merge.project_id, fingerprints=hashes, since=merge.at)


def figures_gone(merge: IncidentMerge, back: Sequence[IncidentFingerprint]) -> GroupFigures:
    """What the source had counted before the merge under hashes that were split off since: that stays where it is."""
    elsewhere = set(merge.moved) - {row.pk for row in back}
    hashes = [row.fingerprint for row in store.fingerprints_named(sorted(elsewhere))]
    if not hashes:
        return GroupFigures()
    return group_figures(project_id=merge.project_id, fingerprints=hashes, until=merge.at)


def _figures_give_up(source: Incident, gone: GroupFigures) -> None:
    releases = {place: number for place, (number, _, _) in gone.releases.items()}
    store.figures_take(source.pk, releases=releases, hours=gone.hours, first_seen={})
    _set(source, {"occurrences": max(source.occurrences - gone.occurrences, 0)})


def _figures_return(merge: IncidentMerge, source: Incident, target: Incident, since: GroupFigures) -> None:
    """The target gives up what the source brought and what came under its hashes since; the source takes the latter."""
    releases = {place: number for place, (number, _, _) in store.release_times(source.pk).items()}
    hours = store.hour_counts(source.pk)
    for place, (number, _, _) in since.releases.items():
        releases[place] = releases.get(place, 0) + number
    for hour, number in since.hours.items():
        hours[hour] = hours.get(hour, 0) + number
    before = dict(merge.before)
    firsts = {(place[0], place[1]): datetime.fromisoformat(place[2]) for place in before.pop("releases", [])}
    store.figures_take(target.pk, releases=releases, hours=hours, first_seen=firsts)
    present = {name: getattr(target, name) for name in before}
    fields = fields_restore(before=before, after=merge.after, present=present)
    fields["occurrences"] = max(target.occurrences - source.occurrences - since.occurrences, 0)
    _set(target, fields)
    incident_figures_add(source, since)


def incident_figures_add(incident: Incident, figures: GroupFigures) -> None:
    """Count stored events into an incident: occurrences, first and last seen, releases, hours."""
    if not figures.occurrences or figures.first_seen is None or figures.last_seen is None:
        return
    project, pk = incident.project_id, incident.pk
    store.releases_count({(project, pk, *place): seen for place, seen in figures.releases.items()})
    store.hours_count({(project, pk, hour): number for hour, number in figures.hours.items()})
    _set(
        incident,
        {
            "occurrences": incident.occurrences + figures.occurrences,
            "first_seen": min(incident.first_seen, figures.first_seen),
            "last_seen": max(incident.last_seen, figures.last_seen),
        },
    )


def _others_apply(target: Incident) -> None:
    """What the others that are still merged into it ask of it: the graver priority, the earlier first event."""
    for merge in store.merges_into(target.pk):
        if merge.undone_at is None:
            merge.source.status = merge.status_before  # as it was when it was merged; not saved
            fields = merge_fields(source=merge.source, target=target)
            _set(target, {name: value for name, value in fields.items() if name not in ("occurrences", "ops_severity")})


def ops_severity_settle(incident: Incident) -> None:
    """What the incident asks of an operator after its count changed."""
    severity, error_class = ErrorSeverity(incident.severity), ErrorClass(incident.error_class)
    asks = ops_severity_compute(severity=severity, error_class=error_class, occurrences=incident.occurrences)
    _set(incident, {"ops_severity": asks.value})


def last_seen_settle(incident: Incident) -> None:
    """When the incident's own hashes were last seen, where an event under them is stored; else it stays."""
    hashes = store.fingerprints_of_incident(incident.pk)
    newest = group_newest(project_id=incident.project_id, fingerprints=hashes) if hashes else None
    if newest is not None:
        _set(
            incident,
            {
                "last_seen": newest.timestamp,
                "last_error_id": newest.error_id,
                "last_release": newest.release or "",
                "last_environment": newest.environment,
            },
        )
