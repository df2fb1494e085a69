"""What a person who looks for the cause is told beside the evidence: whom it met, what changed before it, what it is
like, what to check first. A fixed number of queries, whatever is stored.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flags.store import revisions_between
from incidents.errors.models import ErrorColumns, ErrorEvent
from incidents.errors.services.drop_figures import DropWords
from incidents.errors.services.normalising import payload_decompress
from incidents.errors.services.own_frames import own_frames
from incidents.errors.services.people import PeopleHit
from incidents.errors.store.questions import ProjectHas
from incidents.errors.workflows import kept_frames_read, people_hit_read, window_drops_read
from incidents.lessons import store
from incidents.lessons.models import Control, Lesson
from incidents.lessons.services.around import (
    AFTER,
    BEFORE,
    Change,
    FlagChanged,
    changes_assemble,
    offset_words,
    suspects_name,
)
from incidents.lessons.services.check_first import CheckFirst, Known, check_first_suggest
from incidents.lessons.services.evidence import EvidenceCompleteness
from incidents.lessons.services.similar import Likeness, Similar, similar_rank, similar_refine
from incidents.lessons.store import PlaybookEntry
from incidents.lessons.workflows.reading.completeness import evidence_complete
from incidents.lessons.workflows.reading.playbook import Guidance, playbook_for_class_read
from incidents.triage.models import Incident, IncidentRelease
from incidents.triage.store import RESOLVED, Candidate, incidents_like, releases_born
from readiness.infra.transactions import Session, TransactionIntent, transactional

FLAGS_READ = 50
FRAMES_READ = 8
SIMILAR_SHOWN = 4
SAME_TIME = timedelta(hours=1)
_BEST = ("proven", "recorded", "failing_before", "stale", "unproven", "broken", "ineffective")


@dataclass(frozen=True, slots=True)
class SimilarShown:
    """A past incident that is like this one, and what fixed it: its newest lesson, its best control."""

    incident: Candidate
    similar: Similar
    lesson: Lesson | None
    control: Control | None

    @property
    def ended(self) -> bool:
        return self.incident.status in RESOLVED


@dataclass(frozen=True, slots=True)
class Around:
    """Everything around one incident. `drops`: what the project's keys lost while it was seen; `evidence`: which kinds
    there are; `changes` in order of time; `guidance`: the playbook's sections on its class; `playbook`: what single
    incidents of it left behind.
    """

    people: PeopleHit
    drops: Sequence[DropWords]
    evidence: EvidenceCompleteness
    changes: Sequence[Change]
    similar: Sequence[SimilarShown]
    suspects: Sequence[str]
    guidance: Sequence[Guidance]
    playbook: Sequence[PlaybookEntry]
    checks_first: Sequence[CheckFirst]


@dataclass(frozen=True, slots=True)
class Alike:
    """The past incidents to compare one with, before their frames, lessons and controls are looked at. `detail`: what
    the event of the one says in full; `found`: those of `candidates` that are the most like it by the table alone.
    """

    detail: Mapping[str, Any]
    candidates: Sequence[Candidate]
    one: Likeness
    found: Sequence[Similar]

    @property
    def ids(self) -> list[int]:
        return [item.incident_id for item in self.found]


@transactional(TransactionIntent.READ_ONLY)
def alike_read(session: Session, *, incident: Incident, event: ErrorColumns | None) -> Alike:
    """By what the table says. One query."""
    detail = payload_decompress(event.payload) if event is not None else {}
    began = _began(incident)
    candidates = incidents_like(incident, since=began - SAME_TIME, until=began + SAME_TIME)
    one = _likeness(incident, own_frames(detail))
    found = similar_rank(
        one=one,
        others=((other.pk, _likeness(other)) for other in candidates),
        ended={other.pk for other in candidates if other.status in RESOLVED},
        limit=FRAMES_READ,
    )
    return Alike(detail, candidates, one, found)


@transactional(TransactionIntent.READ_ONLY)
def around_read(
    session: Session,
    *,
    incident: Incident,
    event: ErrorColumns | None,
    groups: Sequence[str],
    together: Sequence[ErrorEvent],
    releases: Sequence[IncidentRelease],
    has: ProjectHas,
    has_spans: bool,
    has_words: bool,
    alike: Alike,
    lessons: Mapping[int, Sequence[Lesson]],
    controls: Mapping[int, Sequence[Control]],
) -> Around:
    """`groups`: its fingerprints, the latest first; `together`: the errors of the correlation that is shown; `has`:
    what the project has any of; `has_spans`, `has_words`: spans and users' words are shown; `lessons`, `controls`:
    those of the incidents that are like it.
    """
    people = people_hit_read(
        project_id=incident.project_id,
        fingerprints=groups,
        first_seen=incident.first_seen,
        last_seen=incident.last_seen,
    )
    changes = _changes(incident)
    similar = _similar(incident.project_id, alike, lessons, controls)
    return Around(
        people=people,
        drops=_drops(incident) if has.dropped else [],
        evidence=evidence_complete(
            incident,
            event=event,
            detail=alike.detail,
            spans=has_spans if has.spans or has_spans else None,
            user_words=has_words if has.words or has_words else None,
        ),
        changes=changes,
        similar=similar,
        suspects=suspects_name(changes, [f"{s.incident.public_id}: {s.lesson.do_now}" for s in similar if s.lesson]),
        guidance=playbook_for_class_read(error_class=incident.error_class, component=incident.component),
        playbook=store.playbook_entries(error_class=incident.error_class),
        checks_first=check_first_suggest(known=_known(incident, changes, alike.candidates, together, releases, people)),
    )


def _drops(incident: Incident) -> Sequence[DropWords]:
    return window_drops_read(
        project_id=incident.project_id, first_seen=incident.first_seen, last_seen=incident.last_seen
    )


def _began(incident: Incident) -> datetime:
    """When it was first seen, or came back: what changed before that is what matters."""
    return incident.recurred_at or incident.first_seen


def _changes(incident: Incident) -> tuple[Change, ...]:
    began = _began(incident)
    since, until = began - BEFORE, began + AFTER
    revisions = revisions_between(project_id=incident.project_id, since=since, until=until, limit=FLAGS_READ)
    return changes_assemble(
        anchor=began,
        releases=[
            (f"{born.release} in {born.environment}", born.at)
            for born in releases_born(project_id=incident.project_id, since=since, until=until)
        ],
        flags=[
            FlagChanged(row.at, row.key, row.action, row.environment, row.actor_name, row.reason)
            for row in revisions
            if row.action != "defined"
        ],
    )


def _likeness(incident: Incident | Candidate, frames: Collection[str] = frozenset()) -> Likeness:
    return Likeness(
        error_class=incident.error_class,
        component=incident.component,
        title=incident.title,
        release=incident.last_release,
        frames=frames,
    )


def _similar(
    project_id: int, alike: Alike, lessons: Mapping[int, Sequence[Lesson]], controls: Mapping[int, Sequence[Control]]
) -> list[SimilarShown]:
    """The few that are most like it by the table, compared by their frames too."""
    by_id = {other.pk: other for other in alike.candidates}
    kept = kept_frames_read(project_id=project_id, error_ids=[by_id[number].first_error_id for number in alike.ids])
    learnt = {*lessons, *controls}
    fixed = [number for number in alike.ids if by_id[number].status in RESOLVED and number in learnt]
    refined = similar_refine(
        one=alike.one,
        found=alike.found,
        frames={number: kept.get(by_id[number].first_error_id, frozenset()) for number in alike.ids},
        fixed=fixed,
        limit=SIMILAR_SHOWN,
    )
    return [
        SimilarShown(
            incident=by_id[item.incident_id],
            similar=item,
            lesson=next(reversed(lessons.get(item.incident_id, ())), None),
            control=min(
                controls.get(item.incident_id, ()), key=lambda control: _BEST.index(control.state), default=None
            ),
        )
        for item in refined
    ]


def _known(
    incident: Incident,
    changes: Sequence[Change],
    candidates: Sequence[Candidate],
    together: Sequence[ErrorEvent],
    releases: Sequence[IncidentRelease],
    people: PeopleHit,
) -> Known:
    began = _began(incident)
    return Known(
        error_class=incident.error_class,
        releases=list(dict.fromkeys(row.release for row in releases if row.release)),
        environments=list(dict.fromkeys(row.environment for row in releases if row.environment)),
        flags_near=[f"{c.key}, {c.offset}" for c in changes if c.kind == "flag" and c.near],
        release_near=[f"{c.key}, {offset_words(c.at, began)}" for c in changes if c.kind == "release" and c.before],
        others=[other.public_id for other in candidates if other.together],
        repeats=_repeats(together),
        people=people.people,
        events=people.named,
    )


def _repeats(together: Sequence[ErrorEvent]) -> int:
    """How often the same error came in a row under one correlation; 0 without one."""
    longest = run = 0
    last: tuple[object, ...] = ()
    for error in together:
        said = error.component, error.exception_type, error.message
        run = run + 1 if said == last else 1
        last, longest = said, max(longest, run)
    return longest
