"""What the page of a post-mortem shows: its revisions, what it begins with, the timeline, and its action items."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.lessons import store
from incidents.lessons.models import Control
from incidents.lessons.services.control_state import ControlVerdict
from incidents.lessons.services.factors import factors_of
from incidents.lessons.services.post_mortems import post_mortem_prefill
from incidents.lessons.workflows.states import control_verdict
from incidents.triage.models import Incident, PostMortem, TimelineEntry
from incidents.triage.services.post_mortems import post_mortem_needed
from incidents.triage.store import incident_find, merged_ids, releases_of, timeline_of
from incidents.triage.workflows import post_mortems_read
from readiness.infra.clock import utcnow
from readiness.infra.refusals import NotFound
from readiness.infra.transactions import Session, TransactionIntent, transactional


@dataclass(frozen=True, slots=True)
class ActionItem:
    """A control of the incident, as it stands now."""

    control: Control
    verdict: ControlVerdict


@dataclass(frozen=True, slots=True)
class PostMortemPage:
    """`latest` and `earlier` are what was written; `prefill` what a first one begins with; `took`: (what,
    when, how long after its first event), None where it has not come to that."""

    incident: Incident
    needed: bool
    latest: PostMortem | None
    earlier: Sequence[PostMortem]
    prefill: dict[str, str]
    timeline: Sequence[TimelineEntry]
    actions: Sequence[ActionItem]
    took: Sequence[tuple[str, datetime | None, timedelta | None]]


@transactional(TransactionIntent.READ_ONLY)
def post_mortem_page_read(session: Session, *, incident_id: int) -> PostMortemPage:
    """Raises NotFound."""
    incident = incident_find(incident_id)
    if incident is None:
        raise NotFound(f"There is no INC-{incident_id}. The list of incidents has those that there are.")
    written, now = post_mortems_read(incident_id=incident.pk), utcnow()
    root_cause = store.root_cause_latest(incident.pk)
    controls = list(store.controls_of_incident(incident.pk))
    broken = bool(root_cause and root_cause.broken_commits)
    return PostMortemPage(
        incident=incident,
        needed=post_mortem_needed(priority=incident.priority),
        latest=written[0] if written else None,
        earlier=written[1:],
        prefill=post_mortem_prefill(
            title=incident.title,
            component=incident.component,
            occurrences=incident.occurrences,
            first_seen=incident.first_seen,
            last_seen=incident.last_seen,
            environments=[row.environment for row in releases_of(incident.pk)],
            root_cause=root_cause.text if root_cause else "",
            factors=[item.text for item in factors_of(root_cause.contributing_factors)] if root_cause else (),
            lessons=[(one.believed, one.was_true, one.do_now) for one in store.lessons_of_incident(incident.pk)],
        ),
        timeline=timeline_of(incident.pk, merged=merged_ids(incident.pk)),
        actions=[ActionItem(one, control_verdict(one, now=now, has_broken_commit=broken)) for one in controls],
        took=[(name, moment, moment - incident.detected_at if moment else None) for name, moment in _moments(incident)],
    )


def _moments(incident: Incident) -> Sequence[tuple[str, datetime | None]]:
    return (
        ("Detected", incident.detected_at),
        ("Acknowledged", incident.acknowledged_at),
        ("Diagnosed", incident.diagnosed_at),
        ("Prevented", incident.prevented_at),
        ("Closed", incident.closed_at),
    )
