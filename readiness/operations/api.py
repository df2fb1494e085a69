"""Machine reads of operations: the probes of balancers, launchers and people with curl, and Prometheus' scrapes."""

import hmac
from collections.abc import Iterable

from django.conf import settings
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from readiness.infra.clock import utcnow
from readiness.infra.metrics import AllProcesses
from readiness.infra.problem import json_response
from readiness.infra.refusals import Forbidden, Unauthenticated, Unavailable
from readiness.operations.adapters import health_json, metric_families
from readiness.operations.workflows.health import health_probe
from readiness.operations.workflows.monitoring import reading_take
from readiness.tenants.access import caller_of, machine

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


@machine(methods=("GET",))
def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: the counts of all processes, and what database and broker say now; OpenMetrics if asked for.

    200 also while database or broker are away: their gauges are then missing, and `readiness_database_up` is 0.
    """
    _scraper_admit(request)
    registry = CollectorRegistry()
    registry.register(AllProcesses())
    registry.register(_Now())
    try:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    except (ValueError, TypeError):  # an Accept whose version is no number
        encode, content_type = choose_encoder("")
    return HttpResponse(encode(registry), content_type=content_type, headers=_FRESH)


class _Now(Collector):
    """What is so at the moment of the scrape."""

    def collect(self) -> Iterable[Metric]:
        return metric_families(reading_take())


def _scraper_admit(request: HttpRequest) -> None:
    """The scrape token, or an ops:read key of the installation (a tenant's sees its own tenant only)."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    known = settings.READINESS_METRICS_TOKEN.encode()
    presented = token.strip().encode() if scheme.lower() == "bearer" else b""
    if settings.READINESS_METRICS_PUBLIC or hmac.compare_digest(presented, known):
        return
    try:
        caller = caller_of(request, scope="ops:read")
    except DatabaseError:
        raise Unavailable(
            "The key cannot be checked while the database is away; the token in READINESS_HOME/metrics.token can.",
            headers={"Retry-After": "5"},
        ) from None
    if caller is None:
        raise Unauthenticated(
            "Prometheus needs the token that is kept in READINESS_HOME/metrics.token (`authorization: "
            "credentials_file` in its scrape_config; `manage.py export_monitoring DIR` writes one), or a key of the "
            "installation with the scope ops:read. Send it as “Authorization: Bearer …”.",
            headers={"WWW-Authenticate": "Bearer"},
        )
    if not caller.installation:
        raise Forbidden(
            "These are the installation's figures; a founder makes a key for it: create_key without a tenant."
        )
