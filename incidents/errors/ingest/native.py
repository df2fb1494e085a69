"""POST /v1/errors (scope errors:write): the native envelope's door."""

from typing import Any

from django.http import HttpResponse

from incidents.errors.ingest.reading import body_read
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.native import body_split, error_id_derive, native_capture
from incidents.errors.workflows import capture_rules, errors_store, key_admit, keys
from readiness.infra.clock import utcnow
from readiness.infra.correlation import continued_correlation_id
from readiness.infra.idempotency import idempotency_key_read, idempotent_find, idempotent_keep
from readiness.infra.metrics import refusal_observe
from readiness.infra.problem import CONTENT_TYPE as PROBLEM_TYPE
from readiness.infra.problem import json_response, problem_body
from readiness.infra.refusals import FieldError, Forbidden, Invalid, Refusal
from readiness.tenants.access import MachineRequest, machine, requires_scope

_TOO_DEEP = "The envelope is nested too deeply to be read; flatten its context and input."
MAX_NATIVE_BYTES = 10 * 1024 * 1024


@machine(methods=("POST",))
@requires_scope("errors:write")
def errors(request: MachineRequest) -> HttpResponse:
    """POST /v1/errors: 201 all accepted, 200 some rejected (both lists), 422 all rejected; after the commit."""
    caller = request.caller
    if caller.project_id is None:
        raise Forbidden("This key belongs to the installation, not to a project; use a tenant's errors:write key.")
    body = body_read(request, limit=MAX_NATIVE_BYTES)
    key = idempotency_key_read(request.headers.get("Idempotency-Key"))
    if key is None:
        status, answer = _native_store(request, body, key_seed=None)
        return _native_answer(status, answer)
    kept = idempotent_find(project_id=caller.project_id, scope="v1/errors", key=key, body=body)
    if kept is None:
        status, answer = _native_store(request, body, key_seed=f"{caller.project_id}:{key}")
        idempotent_keep(
            project_id=caller.project_id, scope="v1/errors", key=key, body=body, status=status, answer=answer
        )
        return _native_answer(status, answer)
    return _native_answer(kept.status, kept.answer)


def _native_store(request: MachineRequest, body: bytes, *, key_seed: str | None) -> tuple[int, dict[str, Any]]:
    """(status, answer). With a seed, ids that the sender left out are derived from it: a retry finds its own events."""
    caller = request.caller
    assert caller.project_id is not None
    entries = body_split(body=body, content_type=request.META.get("CONTENT_TYPE", ""))
    key_admit(project_id=caller.project_id, key_kind="api", key_id=caller.key_id, errors=len(entries))
    origin = Origin(
        caller.project_id, trusted=True, synthetic=caller.synthetic, correlation_id=continued_correlation_id(),
        key_kind="api", key_id=caller.key_id,
    )  # fmt: skip
    received_at, rules = utcnow(), capture_rules(caller.project_id)
    authorization = request.headers.get("Authorization", "")
    presented = [authorization.removeprefix("Bearer ").strip(), request.headers.get("X-API-Key", "").strip()]
    captured: list[tuple[int, CapturedError]] = []
    rejected: list[dict[str, Any]] = []
    for index, sent in enumerate(entries):
        unnamed = key_seed and isinstance(sent, dict) and sent.get("error_id") is None
        entry = {**sent, "error_id": error_id_derive(f"{key_seed}:{index}")} if unnamed else sent
        try:
            error = native_capture(
                entry=entry, origin=origin, keys=keys(), received_at=received_at, rules=rules, known=presented
            )
            captured.append((index, error))
        except (Refusal, RecursionError) as broken:
            refusal = broken if isinstance(broken, Refusal) else Invalid(_TOO_DEEP, errors=[FieldError("", _TOO_DEEP)])
            refusal_observe(door="native", reason=refusal.slug)
            rejected.append({"index": index, **problem_body(refusal)})
    stored = errors_store([error for _, error in captured])
    accepted = [
        {
            "index": index, "error_id": answer.error_id, "incident": answer.incident,
            **({"sampled": answer.sampled} if answer.sampled else {}),  # counted, and not kept: the incident is loud
        }
        for (index, _), answer in zip(captured, stored, strict=True)
    ]  # fmt: skip
    answer = {"accepted": accepted, "rejected": rejected}
    if accepted:
        return (200 if rejected else 201), answer
    problem = problem_body(
        Invalid(
            "No envelope of the body could be stored; `rejected` says why, each by its index.",
            errors=[
                FieldError(f"/{entry['index']}{error['pointer']}", error["detail"])
                for entry in rejected[:20]
                for error in entry.get("errors", ())
            ],
        )
    )
    return 422, {**problem, **answer}


def _native_answer(status: int, answer: dict[str, Any]) -> HttpResponse:
    response = json_response(answer, status=status)
    if status == 422:
        response["Content-Type"] = PROBLEM_TYPE
    return response
