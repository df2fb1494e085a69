"""`GET /ops/verdicts/<program>`: the verdict as `manage.py verdict --json` prints it (INTERFACES.md)."""

from django.http import HttpResponse

from readiness.infra.problem import json_response
from readiness.programs.adapters import verdict_body
from readiness.programs.workflows import verdict_evaluate
from readiness.tenants.access import MachineRequest, machine, requires_scope


@machine(methods=("GET",))
@requires_scope("ops:read")
def verdict(request: MachineRequest, program: str) -> HttpResponse:
    """200 with the verdict of this moment; 404 for a program that there is not, or that the key may not see."""
    view = verdict_evaluate(slug=program, project_id=request.caller.project_id)
    return json_response(
        verdict_body(view.evaluation, uplift_status=view.uplift_status), headers={"Cache-Control": "no-store"}
    )
