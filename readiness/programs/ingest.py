"""`POST /v1/evidence`: a pipeline hands in what it measured, as JSON or as a JUnit report (INTERFACES.md)."""

from django.http import HttpResponse

from readiness.infra.clock import utcnow
from readiness.infra.problem import json_response
from readiness.infra.refusals import TooLarge, UnsupportedMedia
from readiness.programs.adapters import evidence_answer
from readiness.programs.services.evidence import evidence_sha256
from readiness.programs.services.evidence_body import EvidenceBody, evidence_json_read, evidence_junit_read
from readiness.programs.workflows import evidence_receive
from readiness.tenants.access import MachineRequest, caller_actor, machine, requires_scope

MAX_BYTES = 5 * 1024 * 1024
_JSON = ("application/json", "")
_XML = ("application/xml", "text/xml")


@machine(methods=("POST",))
@requires_scope("evidence:write")
def evidence(request: MachineRequest) -> HttpResponse:
    """201 `{"evidence": "EV-31", "sha256": "…"}` once it is committed; sent again it answers the same id."""
    media = request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media not in (*_JSON, *_XML):
        raise UnsupportedMedia(f"{media[:80]} is not read here; send application/json, or JUnit as application/xml.")
    raw = _body(request)
    body = _read(request, raw, media)
    recorded = evidence_receive(
        draft=body.draft,
        program=body.program,
        sha256=evidence_sha256(raw),
        project_id=request.caller.project_id or 0,
        actor=caller_actor(request),
    )
    answer = evidence_answer(pk=recorded.evidence.pk, sha256=recorded.evidence.sha256, repeated=recorded.repeated)
    return json_response(answer, status=201)


def _body(request: MachineRequest) -> bytes:
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMedia(f"Content-Encoding {encoding[:40]} is not read here; send the report uncompressed.")
    raw = request.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        raise TooLarge(f"More than {MAX_BYTES:,} bytes were sent; split the report, or send its figures as JSON.")
    return raw


def _read(request: MachineRequest, raw: bytes, media: str) -> EvidenceBody:
    if media in _XML:
        return evidence_junit_read(raw=raw, query=request.GET.dict(), received_at=utcnow())
    return evidence_json_read(raw)
