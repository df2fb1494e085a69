"""What a merge, a split or its undoing would do, in numbers, before a person confirms it. Nothing is written."""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from incidents.errors.store.groups import GroupFigures, group_figures
from incidents.triage import store
from incidents.triage.models import Incident, IncidentFingerprint, IncidentMerge
from incidents.triage.services.merging import (
    merge_check,
    merge_fields,
    merge_ids_check,
    merge_keeps_open,
    split_check,
    unmerge_check,
)
from incidents.triage.workflows.merging import (
    figures_gone,
    figures_since,
    incident_seen_again,
    incidents_held,
    merge_find,
)
from readiness.infra.refusals import Conflict, Invalid, NotFound, Refusal
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class Candidate:
    """An incident that may be merged or stay; `held`: what people wrote on it, in words."""

    incident: Incident
    hashes: int
    held: str


@dataclass(frozen=True, slots=True)
class MergeChoice:
    """Those that a person chose, those that `words` found beside them, and the one that had best stay."""

    chosen: Sequence[Candidate]
    found: Sequence[Candidate]
    best: int


@dataclass(frozen=True, slots=True)
class MergePreview:
    """`sources` go into `target`, which then has these figures. `recurs`: it ended before what they were seen in.
    `refused`: why it cannot be done, empty when it can. `seen`: how often the hashes of each had been moved.
    """

    target: Candidate
    sources: Sequence[Candidate]
    hashes: int
    occurrences: int
    first_seen: datetime
    last_seen: datetime
    priority: str
    recurs: bool
    refused: str
    seen: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class UnmergePreview:
    """`back` hashes return to the source, which takes `occurrences` with it, `since` of them stored after the merge."""

    merge: IncidentMerge
    target: Incident
    back: int
    occurrences: int
    since: int
    left: int
    refused: str
    seen: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class SplitPreview:
    """The chosen hashes, the stored events that go along, and what stays."""

    incident: Incident
    hashes: Sequence[IncidentFingerprint]
    hashes_left: int
    figures: GroupFigures
    left: int
    refused: str
    seen: Mapping[int, int]


def _refused(*checks: Callable[[], object]) -> str:
    """What the first check that refuses says; empty when none does."""
    try:
        for check in checks:
            check()
    except Refusal as refusal:
        return refusal.detail
    return ""


def _found(incident_id: int) -> Incident:
    if (incident := store.incident_find(incident_id)) is None:
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    return incident


def _candidates(rows: Sequence[Incident]) -> list[Candidate]:
    ids = [incident.pk for incident in rows]
    counts, held = store.fingerprint_counts(ids), incidents_held(ids)
    return [Candidate(incident, counts.get(incident.pk, 0), held.get(incident.pk, "")) for incident in rows]


@transactional(TransactionIntent.READ_ONLY)
def merge_choose(session: Session, *, incident_ids: Sequence[int], words: str = "") -> MergeChoice:
    """What could be merged into what. Raises Invalid without any, NotFound, Conflict for one merged already."""
    if not incident_ids:
        raise Invalid("Choose the incidents to merge in the list first: none was chosen.")
    rows = store.incidents_named(incident_ids)
    for pk in incident_ids:
        if pk not in {incident.pk for incident in rows}:
            raise NotFound(f"There is no INC-{pk}. The list of incidents has those that there are.")
    for incident in rows:
        if incident.merged_into_id is not None:
            raise Conflict(f"{incident.public_id} was merged into INC-{incident.merged_into_id} already.")
    first = rows[0]
    others: list[Incident] = []
    if words or len(rows) == 1:
        others = store.incidents_to_merge_into(
            project_id=first.project_id, synthetic=first.synthetic, words=words, without=incident_ids
        )
    candidates = _candidates([*rows, *others])
    chosen, found = candidates[: len(rows)], candidates[len(rows) :]
    # What people wrote stays where it is, and the oldest is the one that they know.
    best = next((one for one in chosen if one.held), chosen[0]).incident.pk
    return MergeChoice(chosen=chosen, found=found, best=best if len(chosen) > 1 else 0)


@transactional(TransactionIntent.READ_ONLY)
def merge_preview(session: Session, *, source_ids: Sequence[int], target_id: int) -> MergePreview:
    """What merging them would come to. Raises Invalid (with itself, none, too many) and NotFound."""
    sources = merge_ids_check(source_ids=source_ids, target_id=target_id)
    rows = {incident.pk: incident for incident in store.incidents_named([*sources, target_id])}
    for pk in (*sources, target_id):
        if pk not in rows:
            raise NotFound(f"There is no INC-{pk}. The list of incidents has those that there are.")
    target = rows[target_id]
    candidates = {one.incident.pk: one for one in _candidates(list(rows.values()))}
    then, recurs = copy(target), False
    held = {pk: one.held for pk, one in candidates.items()}
    refused = _refused(lambda: merge_check(sources=[rows[pk] for pk in sources], target=target, held=held))
    for pk in sources:
        again = not recurs and incident_seen_again(then, store.release_times(pk)) is not None
        if again:
            recurs, then.status = True, Incident.Status.RECURRED
        elif not refused:
            refused = _refused(partial(merge_keeps_open, source=rows[pk], target=then))
        for name, value in merge_fields(source=rows[pk], target=then).items():
            setattr(then, name, value)
    return MergePreview(
        target=candidates[target_id],
        sources=[candidates[pk] for pk in sources],
        hashes=sum(one.hashes for one in candidates.values()),
        occurrences=then.occurrences,
        first_seen=then.first_seen,
        last_seen=then.last_seen,
        priority=then.priority,
        recurs=recurs,
        refused=refused,
        seen={pk: incident.moves for pk, incident in rows.items()},
    )


@transactional(TransactionIntent.READ_ONLY)
def unmerge_preview(session: Session, *, merge_id: int) -> UnmergePreview:
    """What undoing a merge would come to. Raises NotFound."""
    merge = merge_find(merge_id)
    source, target = _found(merge.source_id), _found(merge.target_id)
    back = store.fingerprints_at(merge.moved, target.pk)
    since = figures_since(merge, back)
    undone_by = merge.undone_by if merge.undone_at else None
    goes = max(source.occurrences - figures_gone(merge, back).occurrences, 0) + since.occurrences
    return UnmergePreview(
        merge=merge,
        target=target,
        back=len(back),
        occurrences=goes,
        since=since.occurrences,
        left=max(target.occurrences - goes, 0),
        refused=_refused(lambda: unmerge_check(source=source, target=target, undone_by=undone_by)),
        seen={source.pk: source.moves, target.pk: target.moves},
    )


@transactional(TransactionIntent.READ_ONLY)
def split_preview(session: Session, *, incident_id: int, fingerprint_ids: Sequence[int]) -> SplitPreview:
    """What splitting these hashes off would come to. Raises NotFound."""
    incident = _found(incident_id)
    wanted = sorted(set(fingerprint_ids))
    owned = store.fingerprint_ids(incident_id)
    rows = [row for row in store.fingerprints_named(wanted) if row.incident_id == incident_id]
    figures = GroupFigures()
    if rows:
        hashes = [row.fingerprint for row in rows]
        figures = group_figures(project_id=incident.project_id, fingerprints=hashes)
    return SplitPreview(
        incident=incident,
        hashes=rows,
        hashes_left=len(owned) - len(rows),
        figures=figures,
        left=max(incident.occurrences - figures.occurrences, 0),
        refused=_refused(
            lambda: _not_merged_away(incident),
            lambda: split_check(incident_id=incident_id, wanted=wanted, owned=owned),
        ),
        seen={incident.pk: incident.moves},
    )


def _not_merged_away(incident: Incident) -> None:
    if incident.merged_into_id is not None:
        raise Conflict(f"{incident.public_id} was merged into INC-{incident.merged_into_id}; split it there.")
