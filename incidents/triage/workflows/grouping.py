"""Why an incident's events are in it: what its grouping page shows. A fixed number of queries, whatever is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator

from incidents.errors.models import ErrorColumns
from incidents.errors.services.explaining import GroupingExplained, grouping_explain
from incidents.errors.services.grouping import GROUPING_VERSION
from incidents.errors.services.normalising import payload_decompress
from incidents.errors.store.groups import GroupStored, groups_stored
from incidents.errors.workflows import error_find, event_to_show
from incidents.triage import store
from incidents.triage.models import Incident, IncidentFingerprint, IncidentMerge, IncidentSplit
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

HASHES_A_PAGE = 20
MERGES_SHOWN = 20


@dataclass(frozen=True, slots=True)
class HashCame:
    """How a hash came here. `kind`: `own`, `merged` (with `other`, by `actor`), `split` (off `other`), or `upgraded`
    (an older version's hash, `previous`, led here); an upgraded one may have come with a merge too.
    """

    kind: str
    at: datetime | None
    other: str = ""
    actor: str = ""
    previous: str = ""


@dataclass(frozen=True, slots=True)
class HashShown:
    """One of an incident's hashes: how it came, and what is stored under it (None: nothing, any more)."""

    pk: int
    fingerprint: str
    version: int
    came: HashCame
    stored: GroupStored | None


@dataclass(frozen=True, slots=True)
class GroupingPage:
    """`event`: the newest one (of the chosen hash, if one is), or the newest left (`newest` is false), None when there
    is none; `why` it is in its group. `merges` are the latest merges into the incident, undone ones too;
    `merges_more` that there are others.
    """

    incident: Incident
    page: Page[IncidentFingerprint]
    hashes: Sequence[HashShown]
    chosen: HashShown | None
    event: ErrorColumns | None
    newest: bool
    why: GroupingExplained | None
    version: int
    merges: Sequence[IncidentMerge]
    merges_more: bool
    split_off: IncidentSplit | None
    splits: Sequence[IncidentSplit]


@transactional(TransactionIntent.READ_ONLY)
def grouping_page_read(
    session: Session, *, incident_id: int, page: str | None = None, fingerprint_id: int | None = None
) -> GroupingPage:
    """A page of an incident's hashes, and why its newest event (of one of them) is in its group. Raises NotFound."""
    incident = store.incident_find(incident_id)
    if incident is None:
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    hashes = Paginator(store.fingerprints_listed(incident.pk), HASHES_A_PAGE).get_page(page)
    merges, split_off = store.merges_into(incident.pk), store.split_of(incident.pk)
    rows = list(hashes.object_list)
    stored = groups_stored(project_id=incident.project_id, fingerprints=[row.fingerprint for row in rows])
    shown = [
        HashShown(
            row.pk, row.fingerprint, row.version, _came(row, incident, merges, split_off), stored.get(row.fingerprint)
        )
        for row in rows
    ]
    chosen = next((one for one in shown if one.pk == fingerprint_id), None)
    event, newest = _event(incident, shown if chosen is None else [chosen], any_event=chosen is None)
    return GroupingPage(
        incident=incident,
        page=hashes,
        hashes=shown,
        chosen=chosen,
        event=event,
        newest=newest,
        why=_why(event),
        version=GROUPING_VERSION,
        merges=merges[:MERGES_SHOWN],
        merges_more=len(merges) > MERGES_SHOWN,
        split_off=split_off,
        splits=store.splits_from(incident.pk, limit=MERGES_SHOWN),
    )


def _event(incident: Incident, hashes: Sequence[HashShown], *, any_event: bool) -> tuple[ErrorColumns | None, bool]:
    """The event to explain, and whether it is the newest one: the incident's last (`any_event`), else the newest that
    is stored under these hashes, else the newest copy that was kept.
    """
    project = incident.project_id
    if any_event and (event := error_find(project_id=project, error_id=incident.last_error_id)) is not None:
        return event, True
    stored = [one.stored for one in hashes if one.stored is not None]
    if stored:
        last = max(stored, key=lambda group: group.last_seen).last_error_id
        return error_find(project_id=project, error_id=last), not any_event
    groups = [one.fingerprint for one in hashes]
    return event_to_show(project_id=project, error_id="", fingerprints=groups).event, False


def _why(event: ErrorColumns | None) -> GroupingExplained | None:
    """None for an event that was counted and not kept in full."""
    if event is None or not bytes(event.payload):
        return None
    return grouping_explain(event=event, detail=payload_decompress(event.payload))


def _came(
    row: IncidentFingerprint, incident: Incident, merges: Sequence[IncidentMerge], split_off: IncidentSplit | None
) -> HashCame:
    """By the latest move that brought it here, else by the upgrade that attached it, else it is the incident's own."""
    previous = row.previous.fingerprint if row.previous else ""
    ids = {row.pk, row.previous_id}
    merge = next((one for one in merges if one.undone_at is None and ids & set(one.moved)), None)
    if merge is not None:
        return HashCame("merged", merge.at, merge.source.public_id, merge.actor, previous)
    if split_off is not None and ids & set(split_off.moved):
        return HashCame("split", split_off.at, split_off.parent.public_id, split_off.actor, previous)
    if row.previous is not None:
        return HashCame("upgraded", row.added_at, previous=previous)
    return HashCame("own", row.added_at or incident.first_seen)
