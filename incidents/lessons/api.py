"""Machine reads: an incident with its lessons and controls (ops:read), and what CI has to run (controls:write)."""

from django.http import HttpResponse

from incidents.lessons.adapters import ControlRow, SimilarRow, control_due_view, founder_incident_response
from incidents.lessons.workflows import controls_due_read, incident_story_read
from incidents.triage.adapters import founder_incident_view
from incidents.triage.services.ops_incidents import ops_incident_read
from incidents.triage.workflows import incident_number
from readiness.infra.clock import utcnow
from readiness.infra.problem import json_response
from readiness.tenants.access import MachineRequest, machine, requires_scope


@machine(methods=("GET",))
@requires_scope("ops:read")
def ops_incident(request: MachineRequest, public_id: str) -> HttpResponse:
    """GET /ops/incidents/INC-12: one incident from its first event to its controls."""
    story = incident_story_read(incident_id=incident_number(public_id), project_id=request.caller.project_id)
    incident, event = story.incident, story.event
    return json_response(
        founder_incident_response(
            summary=founder_incident_view(ops_incident_read(incident)),
            places=[(row.release, row.environment) for row in story.releases],
            correlation_ids=[incident.first_correlation_id, event.correlation_id or "" if event else ""],
            decisions=[event.decision_id or "" if event else ""],
            evidence=story.around.evidence,
            similar=[
                SimilarRow(
                    public_id=item.incident.public_id,
                    title=item.incident.title,
                    status=item.incident.status,
                    score=item.similar.score,
                    why=item.similar.why,
                    lesson=item.lesson.do_now if item.lesson else None,
                    control=item.control.public_id if item.control else None,
                    control_state=item.control.state if item.control else None,
                )
                for item in story.around.similar
            ],
            diagnosis=(story.clock.state, story.clock.seconds, story.clock.target_seconds),
            root_cause=story.root_cause,
            lessons=story.lessons,
            controls=[
                ControlRow(
                    key=shown.control.public_id,
                    kind=shown.control.kind,
                    state=shown.verdict.state.value,
                    title=shown.control.title,
                    reason=shown.verdict.reason,
                )
                for shown in story.controls
            ],
            recurrences=incident.recurrences,
            timeline=story.timeline,
            waivers=[shown.fact for shown in story.waivers if shown.counts],
            merged_into=incident.merged_into_id,
        )
    )


@machine(methods=("GET",))
@requires_scope("controls:write")
def controls_due(request: MachineRequest) -> HttpResponse:
    """GET /v1/controls/due: the controls that want a run on main now, the longest due first, for CI to run."""
    controls = controls_due_read(project_id=request.caller.project_id)
    return json_response({"controls": [control_due_view(control, now=utcnow()) for control in controls]})
