"""RFC 9457 problem details: the one shape of every refusal but the Sentry and OFREP ones (INTERFACES.md)."""

from typing import Any

import msgspec
from django.http import HttpResponse

from readiness.infra.refusals import Refusal

CONTENT_TYPE = "application/problem+json"


def problem_body(refusal: Refusal) -> dict[str, Any]:
    """`{type, title, status, detail[, errors: [{pointer, detail}]]}`."""
    body: dict[str, Any] = {
        "type": f"urn:readiness:problem:{refusal.slug}",
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
    }
    if refusal.errors:
        body["errors"] = [{"pointer": e.pointer, "detail": e.detail} for e in refusal.errors]
    return body


def problem_response(refusal: Refusal) -> HttpResponse:
    """The refusal as an HTTP answer, its own headers (Retry-After, WWW-Authenticate, Allow) included."""
    return HttpResponse(
        msgspec.json.encode(problem_body(refusal)),
        status=refusal.status,
        content_type=CONTENT_TYPE,
        headers=refusal.headers,
    )


def json_response(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """A JSON answer by msgspec (datetimes as ISO 8601 `Z`, Decimals as strings, dataclasses as objects)."""
    return HttpResponse(
        msgspec.json.encode(body), status=status, content_type="application/json", headers=headers or {}
    )
