"""What an incident's page and the read-only API show: a fixed number of queries, whatever is stored."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.errors.models import ErrorColumns, ErrorEvent, UserReport
from incidents.errors.services.drop_figures import SampledSpan
from incidents.errors.services.waterfall import Waterfall, waterfall_build
from incidents.errors.store.keeping import ErasedCount
from incidents.errors.store.questions import errors_by_correlation
from incidents.errors.workflows import (
    EventShown,
    erasures_read,
    event_to_show,
    incident_sampled_read,
    project_has_read,
    trace_spans_read,
    user_reports_read,
)
from incidents.lessons import store
from incidents.lessons.models import Lesson, RootCause
from incidents.lessons.services.closing import ClosingVerdict
from incidents.lessons.services.factors import Factor, factors_of
from incidents.lessons.services.next_step import NextStep
from incidents.lessons.workflows.closing import closing_evaluate
from incidents.lessons.workflows.reading.around import Around, alike_read, around_read
from incidents.lessons.workflows.reading.steps import next_step_of
from incidents.lessons.workflows.shown import ControlShown, WaiverShown, controls_shown, waivers_shown
from incidents.triage.models import Incident, IncidentRelease, TimelineEntry
from incidents.triage.services.clock import DiagnosisClock, diagnosis_clock
from incidents.triage.store import (
    fingerprints_of_incident,
    hour_window,
    hours_of,
    incident_find,
    merged_ids,
    post_mortem_exists,
    releases_of,
    timeline_of,
)
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional

CORRELATED_SHOWN = 50
HOURS_SHOWN = 48
TIMELINE_SHOWN = 200


@dataclass(frozen=True, slots=True)
class IncidentStory:
    """One incident from first event to proven prevention. `event` is the one that `shown` tells of, None when
    nothing is left; `erased`: how many are gone on purpose, `sampled`: how many were only counted; `merged`: the
    incidents that are part of it; `together` are the errors of its correlation, `waterfall` the spans of its trace;
    `said` is what users wrote about it; `around` is what helps to find the cause.
    """

    incident: Incident
    now: datetime
    clock: DiagnosisClock
    event: ErrorColumns | None
    shown: EventShown
    erased: Sequence[ErasedCount]
    sampled: Sequence[SampledSpan]
    together: Sequence[ErrorEvent]
    waterfall: Waterfall
    said: Sequence[UserReport]
    releases: Sequence[IncidentRelease]
    hours: Sequence[int]
    merged: Sequence[int]
    timeline: Sequence[TimelineEntry]
    root_cause: RootCause | None
    factors: Sequence[Factor]
    lessons: Sequence[Lesson]
    controls: Sequence[ControlShown]
    waivers: Sequence[WaiverShown]
    closing: ClosingVerdict
    next_step: NextStep
    around: Around


@transactional(TransactionIntent.READ_ONLY)
def incident_story_read(
    session: Session, *, incident_id: int, project_id: int | None = None, timeline_limit: int = TIMELINE_SHOWN
) -> IncidentStory:
    """Everything about one incident. `project_id` limits it to one project; `timeline_limit` 0 leaves the timeline out.
    Raises NotFound.
    """
    incident = incident_find(incident_id)
    if incident is None or (project_id is not None and incident.project_id != project_id):
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    now, merged = utcnow(), merged_ids(incident.pk)
    has = project_has_read(project_id=incident.project_id)
    groups = fingerprints_of_incident(incident.pk)
    shown = event_to_show(project_id=incident.project_id, error_id=incident.last_error_id, fingerprints=groups)
    event = shown.event
    root_cause = store.root_cause_latest(incident.pk)
    alike = alike_read(incident=incident, event=event)
    lessons_by = store.lessons_of_incidents([incident.pk, *alike.ids])
    controls_by = store.controls_of_incidents([incident.pk, *alike.ids])
    lessons, rows = lessons_by.get(incident.pk, []), controls_by.get(incident.pk, [])[: store.CONTROLS_SHOWN]
    given = store.waivers_of_incident(incident.pk) if store.waivers_exist() else ()
    waivers = waivers_shown(given, priority=incident.priority, now=now)
    facts = [shown.fact for shown in waivers]
    reviewed = incident.status != Incident.Status.PREVENTED or post_mortem_exists(incident.pk)
    closing = closing_evaluate(
        incident, has_lesson=bool(lessons), controls=rows, waivers=facts, has_post_mortem=reviewed
    )
    releases = releases_of(incident.pk)
    together, waterfall, said = (
        _together(event),
        _waterfall(event) if has.spans else Waterfall(),
        _said(incident, event, groups) if has.words else [],
    )
    counted = hours_of(incident.pk, since=now - timedelta(hours=HOURS_SHOWN))
    return IncidentStory(
        incident=incident,
        now=now,
        clock=diagnosis_clock(detected_at=incident.detected_at, diagnosed_at=incident.diagnosed_at, now=now),
        event=event,
        shown=shown,
        erased=erasures_read(project_id=incident.project_id, fingerprints=groups) if has.erased else [],
        sampled=incident_sampled_read(incident_ids=[incident.pk, *merged]) if has.dropped else [],
        together=together,
        waterfall=waterfall,
        said=said,
        releases=releases,
        hours=[counted.get(hour, 0) for hour in hour_window(now, HOURS_SHOWN)],
        merged=merged,
        timeline=timeline_of(incident.pk, merged=merged, limit=timeline_limit) if timeline_limit else [],
        root_cause=root_cause,
        factors=factors_of(root_cause.contributing_factors) if root_cause else (),
        lessons=lessons,
        controls=controls_shown(
            rows,
            runs=store.runs_of_milestones(rows),
            now=now,
            has_broken_commit=bool(root_cause and root_cause.broken_commits),
            waivers=waivers,
        ),
        waivers=waivers,
        closing=closing,
        next_step=next_step_of(incident, has_controls=bool(rows), closing=closing),
        around=around_read(
            incident=incident,
            event=event,
            groups=groups,
            together=together,
            releases=releases,
            has=has,
            has_spans=bool(waterfall.spans),
            has_words=bool(said),
            alike=alike,
            lessons=lessons_by,
            controls=controls_by,
        ),
    )


def _together(event: ErrorColumns | None) -> list[ErrorEvent]:
    """The errors of one correlation that came within a day of this one (its own page has the others); one alone is no
    company.
    """
    if event is None or not event.correlation_id:
        return []
    rows = errors_by_correlation(correlation_id=event.correlation_id, limit=CORRELATED_SHOWN, near=event.created_at)
    found = list(rows)
    return found if len(found) > 1 else []


def _said(incident: Incident, event: ErrorColumns | None, groups: Sequence[str]) -> list[UserReport]:
    """What users wrote about any error of the incident, or in the trace of the one that is shown."""
    return user_reports_read(
        project_id=incident.project_id,
        fingerprints=groups,
        error_ids=(incident.first_error_id, incident.last_error_id),
        correlation_ids=(event.correlation_id,) if event and event.correlation_id else (),
    )


def _waterfall(event: ErrorColumns | None) -> Waterfall:
    """The spans of the error's trace; none where no exporter sends them, or they are past their days."""
    if event is None or not event.correlation_id:
        return Waterfall()
    spans = trace_spans_read(project_id=event.project_id, trace_id=event.correlation_id)
    return waterfall_build(spans=spans, span_id=event.span_id)
