"""POST /v1/controls/<key>/runs: CI reports a run of a control (scope controls:write)."""

import msgspec
from django.http import HttpResponse

from incidents.lessons.services.run_report import run_report_parse
from incidents.lessons.workflows import control_number, control_run_record
from readiness.infra.clock import utcnow
from readiness.infra.idempotency import idempotency_key_read
from readiness.infra.problem import json_response
from readiness.infra.refusals import Malformed, TooLarge
from readiness.tenants.access import MachineRequest, caller_actor, machine, requires_scope

MAX_BODY_BYTES = 1024 * 1024


@machine(methods=("POST",))
@requires_scope("controls:write")
def control_runs(request: MachineRequest, key: str) -> HttpResponse:
    """201 `{"control", "state", "reason", "counts", "warnings": []}`: a run of another command or commit is kept, and
    told of there; 404 for an unknown control, 413, 422 with pointers (INTERFACES.md).
    """
    control_id = control_number(key)
    raw = request.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise TooLarge(f"A run has at most {MAX_BODY_BYTES} bytes: report a narrower command.")
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"The body is not JSON: {error}.") from error
    recorded = control_run_record(
        control_id=control_id,
        report=run_report_parse(body=body, now=utcnow()),
        reporter=caller_actor(request),
        project_id=request.caller.project_id,
        idempotency_key=idempotency_key_read(request.headers.get("Idempotency-Key")),
    )
    return json_response(recorded, status=201)
