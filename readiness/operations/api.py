"""Machine reads of operations: the probes of balancers, launchers and people with curl."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from readiness.infra.clock import utcnow
from readiness.infra.problem import json_response
from readiness.operations.adapters import health_json
from readiness.operations.workflows.health import health_probe
from readiness.tenants.access import machine

_ALIVE = b'{"status":"alive"}'
_FRESH = {"Cache-Control": "no-store"}


@machine(methods=("GET",))
def healthz(request: HttpRequest) -> HttpResponse:
    """GET /healthz: this process answers; nothing else is asked."""
    return HttpResponse(_ALIVE, content_type="application/json", headers=_FRESH)


@machine(methods=("GET",))
def readyz(request: HttpRequest) -> HttpResponse:
    """GET /readyz and /health: 200 when database, migrations, triggers, broker and worker are in order, else 503."""
    verdict = health_probe()
    body = health_json(verdict, version=settings.READINESS_VERSION, at=utcnow())
    response = json_response(body, status=200 if verdict.ready else 503, headers=_FRESH)
    # Django would log each 503 as an error of this request; it is this request's true answer.
    response._has_been_logged = True  # type: ignore[attr-defined]
    return response
