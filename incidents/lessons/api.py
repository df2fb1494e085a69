"""Read-only Ops API of one incident (scope ops:read): it shows lessons and controls, so it lives with them."""

from django.http import HttpResponse

from incidents.lessons.adapters import ControlRow, founder_incident_response
from incidents.lessons.workflows import incident_story_read
from incidents.triage.adapters import founder_incident_view
from incidents.triage.services.ops_incidents import ops_incident_read
from incidents.triage.workflows import incident_number
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
            merged_into=incident.merged_into_id,
        )
    )
