"""What the incident page, the list and the timeline show of an incident's life: a fixed number of queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.triage import store
from incidents.triage.models import Incident, IncidentMove, PostMortem, TimelineEntry
from incidents.triage.services.post_mortems import post_mortem_needed
from incidents.triage.services.response import (
    RESPONSES,
    STEPS,
    Response,
    acknowledge_by,
    acknowledge_overdue,
    next_step_at,
    response_of,
    update_due_at,
)
from incidents.triage.services.revisions import UNDO_WITHIN
from incidents.triage.services.snoozing import snooze_choices, snooze_words, span_words
from incidents.triage.services.undoing import UNDOABLE
from incidents.triage.workflows.due import path_read
from incidents.triage.workflows.life import snooze_of
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.tenants.models import User
from readiness.tenants.workflows import people_able_to_act

TIMELINE_PAGE = 50


@dataclass(frozen=True, slots=True)
class LifeSigns:
    """What is computed of an incident's own columns: no query. Times are None where nothing is due."""

    response: Response
    acknowledge_by: datetime | None
    acknowledge_overdue: bool
    update_due_at: datetime | None
    update_overdue: bool
    snooze: str

    @property
    def overdue(self) -> bool:
        return self.acknowledge_overdue or self.update_overdue


@dataclass(frozen=True, slots=True)
class EscalationShown:
    """One step of the path: who, and whether they were told, or when they will be."""

    step: int
    role: str
    who: str
    told: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentLife:
    """Everything that `triage/_life.html` shows. `undo`: the last move, while it can be taken back, to `undo_until`;
    `people`: whom it may be handed to.
    """

    incident: Incident
    now: datetime
    signs: LifeSigns
    path: tuple[EscalationShown, ...]
    last_update: TimelineEntry | None
    undo: IncidentMove | None
    undo_until: datetime | None
    post_mortem_needed: bool
    post_mortem: PostMortem | None
    people: tuple[User, ...]
    responses: tuple[Response, ...]
    snooze_choices: tuple[tuple[str, str], ...]
    snooze_longest: str

    @property
    def revision(self) -> int:
        """What every form of the page carries as `seen`."""
        return self.incident.revision

    @property
    def is_open(self) -> bool:
        return self.incident.status in store.OPEN

    @property
    def is_over(self) -> bool:
        return self.incident.status in store.RESOLVED


@dataclass(frozen=True, slots=True)
class TimelinePage:
    """The newest entries before a point, and the point from which older ones go on (None at the end)."""

    incident: Incident
    entries: tuple[TimelineEntry, ...]
    older: str | None


def life_signs(incident: Incident, *, now: datetime) -> LifeSigns:
    """What the incident's columns say of it now."""
    asleep = incident.snoozed_at is not None
    taken = incident.acknowledged_at is not None or incident.status not in store.OPEN
    due = update_due_at(
        priority=incident.priority,
        status=incident.status,
        asleep=asleep,
        detected_at=incident.detected_at,
        update_from=incident.update_from,
    )
    late = acknowledge_overdue(
        priority=incident.priority,
        status=incident.status,
        detected_at=incident.detected_at,
        acknowledged_at=incident.acknowledged_at,
        now=now,
    )
    by = acknowledge_by(priority=incident.priority, detected_at=incident.detected_at)
    return LifeSigns(
        response=response_of(incident.priority),
        acknowledge_by=None if taken or asleep else by,
        acknowledge_overdue=late and not asleep,
        update_due_at=due,
        update_overdue=due is not None and now >= due,
        snooze=snooze_words(snooze_of(incident)) if asleep else "",
    )


@transactional(TransactionIntent.READ_ONLY)
def incident_life_read(
    session: Session, *, incident_id: int, incident: Incident | None = None, timeline: TimelinePage | None = None
) -> IncidentLife:
    """The life of one incident as its page shows it; `incident` and `timeline`, its newest entries, where the page has
    read them. Raises NotFound. Two to seven queries, whatever is stored.
    """
    incident = incident or store.incident_find(incident_id)
    if incident is None:
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    now, needed = utcnow(), post_mortem_needed(priority=incident.priority)
    undo, people = _undoable(incident, now), tuple(people_able_to_act())
    return IncidentLife(
        incident=incident,
        now=now,
        signs=life_signs(incident, now=now),
        path=_path(incident, people),
        last_update=_last_update(incident, timeline),
        undo=undo,
        undo_until=undo.at + UNDO_WITHIN if undo else None,
        post_mortem_needed=needed,
        post_mortem=store.post_mortem_latest(incident.pk) if needed else None,
        people=people,
        responses=tuple(RESPONSES.values()),
        snooze_choices=snooze_choices(priority=incident.priority, release=incident.last_release),
        snooze_longest=span_words(response_of(incident.priority).snooze_at_most),
    )


def _last_update(incident: Incident, timeline: TimelinePage | None) -> TimelineEntry | None:
    """The last status update: most often the newest entries tell, or that there is none."""
    for entry in timeline.entries if timeline else ():
        if entry.kind == "update" and entry.incident_id == incident.pk:
            return entry
    return None if timeline and timeline.older is None else store.update_latest(incident.pk)


def _undoable(incident: Incident, now: datetime) -> IncidentMove | None:
    """The last move that was neither undone nor an undoing, where it still can be taken back."""
    for move in store.moves_latest(incident.pk) if incident.revision else ():  # each move raises it
        if move.kind == "undone" or hasattr(move, "undone_by"):
            continue
        return move if move.kind in UNDOABLE and now - move.at <= UNDO_WITHIN else None
    return None


def _path(incident: Incident, people: Sequence[User]) -> tuple[EscalationShown, ...]:
    """The steps of this priority's path while nobody has taken it."""
    steps = response_of(incident.priority).steps
    if incident.status not in store.OPEN or incident.acknowledged_at is not None or not steps:
        return ()
    founders = sorted(person.email for person in people if person.role == User.Role.FOUNDER)
    reached = path_read(incident.project_id, founders=founders)
    told, waiting = incident.escalation_step, incident.snoozed_at is None
    shown = []
    for step in range(1, steps + 1):
        at = next_step_at(priority=incident.priority, detected_at=incident.detected_at, told=step - 1)
        shown.append(
            EscalationShown(step, STEPS[step], reached[step].words, step <= told, at if waiting else None)
        )  # fmt: skip
    return tuple(shown)


@transactional(TransactionIntent.READ_ONLY)
def timeline_page_read(
    session: Session, *, incident_id: int, before: str = "", limit: int = TIMELINE_PAGE
) -> TimelinePage:
    """`before`: what an earlier page gave as `older`; anything else begins at the newest. Raises NotFound."""
    incident = store.incident_find(incident_id)
    if incident is None:
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    return timeline_page_of(incident=incident, merged=store.merged_ids(incident.pk), before=before, limit=limit)


@transactional(TransactionIntent.READ_ONLY)
def timeline_page_of(
    session: Session, *, incident: Incident, merged: Sequence[int], before: str = "", limit: int = TIMELINE_PAGE
) -> TimelinePage:
    """The same of an incident that the caller has read, with those that are part of it. One query."""
    rows = store.timeline_page([incident.pk, *merged], before=_point(before), limit=limit + 1)
    entries = rows[:limit]
    older = f"{entries[-1].at.timestamp():.6f}-{entries[-1].pk}" if len(rows) > limit else None
    return TimelinePage(incident, tuple(entries), older)


def _point(before: str) -> tuple[datetime, int] | None:
    at, _, pk = before.partition("-")
    if not (at.replace(".", "", 1).isdecimal() and at.isascii() and pk.isdecimal() and pk.isascii()):
        return None
    if len(at) > 20 or len(pk) > 18:
        return None
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    seconds, _, micros = at.partition(".")
    try:
        return epoch + timedelta(seconds=int(seconds), microseconds=int((micros + "000000")[:6])), int(pk)
    except OverflowError:
        return None
