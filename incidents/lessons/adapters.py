"""L3: what founders see of an incident's lessons and controls; field selection and renaming only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from incidents.lessons.services.evidence import EvidenceCompleteness
from incidents.triage.adapters import FounderIncidentSummaryView
from readiness.infra.clock import isoz


class RootCauseRow(Protocol):
    text: str
    contributing_factors: Any
    broken_commits: Any
    evidence: Any
    revision: int
    author: str
    written_at: datetime


class LessonRow(Protocol):
    believed: str
    was_true: str
    do_now: str
    author: str
    written_at: datetime


class EventRow(Protocol):
    timestamp: datetime
    component: str
    error_class: str
    exception_type: str | None
    message: str


class EntryRow(Protocol):
    at: datetime
    kind: str
    text: str
    actor: str


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A control's key, kind and state now."""

    key: str
    kind: str
    state: str
    title: str
    reason: str


class WaiverRow(Protocol):
    """A waiver that counts now. Read-only: `services.waivers.WaiverFact`."""

    @property
    def key(self) -> str: ...
    @property
    def control(self) -> str: ...
    @property
    def person(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def expires_at(self) -> datetime: ...


@dataclass(frozen=True, slots=True)
class SimilarRow:
    """A past incident like this one, why, and what fixed it: None where nobody wrote any."""

    public_id: str
    title: str
    status: str
    score: int
    why: Sequence[str]
    lesson: str | None
    control: str | None
    control_state: str | None


@dataclass(frozen=True, slots=True)
class TogetherView:
    """One error of a correlation, `after_ms` milliseconds behind the first; `times` like it in a row."""

    after_ms: int
    component: str
    type: str
    message: str
    times: int


@dataclass(frozen=True, slots=True)
class FounderIncidentResponse:
    """GET /ops/incidents/INC-12 (INTERFACES.md); `will_happen_again`: no control of any kind came out of it;
    `waivers`: by which it or a control counts now; `merged_into`: `INC-7`, where its events are, for a merged one.
    """

    id: str
    title: str
    component: str
    category: str
    severity: str
    priority: str
    status: str
    occurrences: int
    first_seen: str | None
    last_seen: str | None
    releases: list[str]
    environments: list[str]
    correlation_ids: list[str]
    decisions: list[str]
    evidence: dict[str, Any]
    similar: list[dict[str, Any]]
    diagnosis: dict[str, Any]
    root_cause: dict[str, Any] | None
    lessons: list[dict[str, Any]]
    controls: list[dict[str, str]]
    will_happen_again: bool
    recurrences: int
    timeline: list[dict[str, Any]]
    waivers: list[dict[str, Any]]
    merged_into: str | None = None


def founder_incident_response(
    *,
    summary: FounderIncidentSummaryView,
    places: Sequence[tuple[str, str]],
    correlation_ids: Sequence[str],
    decisions: Sequence[str],
    evidence: EvidenceCompleteness,
    similar: Sequence[SimilarRow],
    diagnosis: tuple[str, int, int],
    root_cause: RootCauseRow | None,
    lessons: Sequence[LessonRow],
    controls: Sequence[ControlRow],
    recurrences: int,
    timeline: Sequence[EntryRow],
    waivers: Sequence[WaiverRow] = (),
    merged_into: int | None = None,
) -> FounderIncidentResponse:
    """`places`: (release, environment); `diagnosis`: state, seconds, target in seconds; `waivers`: that count now."""
    state, seconds, target = diagnosis
    return FounderIncidentResponse(
        **{name: getattr(summary, name) for name in FounderIncidentSummaryView.__dataclass_fields__},
        releases=list(dict.fromkeys(release for release, _ in places if release)),
        environments=list(dict.fromkeys(environment for _, environment in places if environment)),
        correlation_ids=list(dict.fromkeys(value for value in correlation_ids if value)),
        decisions=list(dict.fromkeys(value for value in decisions if value)),
        evidence=_evidence(evidence),
        similar=[_similar(row) for row in similar],
        diagnosis={"state": state, "seconds": seconds, "target_seconds": target},
        root_cause=None if root_cause is None else _root_cause(root_cause),
        lessons=[_lesson(lesson) for lesson in lessons],
        controls=[
            {"key": row.key, "kind": row.kind, "state": row.state, "title": row.title, "reason": row.reason}
            for row in controls
        ],
        will_happen_again=not controls,
        recurrences=recurrences,
        timeline=[{"at": isoz(e.at), "kind": e.kind, "text": e.text, "actor": e.actor} for e in timeline],
        waivers=[
            {
                "key": row.key,
                "control": row.control or None,
                "by": row.person,
                "reason": row.reason,
                "expires_at": isoz(row.expires_at),
            }
            for row in waivers
        ],
        merged_into=None if merged_into is None else f"INC-{merged_into}",
    )


def _evidence(completeness: EvidenceCompleteness) -> dict[str, Any]:
    return {
        "expected": completeness.expected,
        "present": list(completeness.present),
        "missing": [{"kind": kind.name, "how": kind.how} for kind in completeness.missing],
    }


def _similar(row: SimilarRow) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "title": row.title,
        "status": row.status,
        "score": row.score,
        "why": list(row.why),
        "lesson": row.lesson,
        "control": row.control,
        "control_state": row.control_state,
    }


def _root_cause(row: RootCauseRow) -> dict[str, Any]:
    return {
        "text": row.text,
        "contributing_factors": list(row.contributing_factors),
        "broken_commits": list(row.broken_commits),
        "evidence": list(row.evidence),
        "revision": row.revision,
        "author": row.author,
        "written_at": isoz(row.written_at),
    }


def _lesson(row: LessonRow) -> dict[str, Any]:
    return {
        "believed": row.believed,
        "was_true": row.was_true,
        "do_now": row.do_now,
        "author": row.author,
        "written_at": isoz(row.written_at),
    }


def together_views(events: Sequence[EventRow]) -> list[TogetherView]:
    """The errors of one correlation in order of time, the same one again and again folded into one line."""
    views: list[TogetherView] = []
    for event in events:
        after_ms = round((event.timestamp - events[0].timestamp).total_seconds() * 1000)
        view = TogetherView(after_ms, event.component, event.exception_type or event.error_class, event.message, 1)
        last = views[-1] if views else None
        if last is not None and replace(view, after_ms=last.after_ms, times=last.times) == last:
            views[-1] = replace(last, times=last.times + 1)
        else:
            views.append(view)
    return views


class DueRow(Protocol):
    @property
    def public_id(self) -> str: ...

    title: str
    kind: str
    state: str
    state_reason: str
    command: str
    owner: str
    pass_due_at: datetime | None


@dataclass(frozen=True, slots=True)
class ControlDueView:
    """One control of GET /v1/controls/due. `due_at`: when a pass on main is or was due; `overdue`: that is past."""

    control: str
    title: str
    kind: str
    state: str
    reason: str
    command: str
    owner: str
    due_at: str | None
    overdue: bool


def control_due_view(row: DueRow, *, now: datetime) -> ControlDueView:
    """What CI needs to run it."""
    return ControlDueView(
        control=row.public_id,
        title=row.title,
        kind=row.kind,
        state=row.state,
        reason=row.state_reason,
        command=row.command,
        owner=row.owner,
        due_at=isoz(row.pass_due_at),
        overdue=row.pass_due_at is not None and row.pass_due_at < now,
    )
