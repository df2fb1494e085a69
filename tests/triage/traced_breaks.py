"""A view, a job and an outbox handler that break, as those of a console might (tests.triage.traced_settings)."""

from typing import Any

from django.http import HttpResponse
from django.urls import path

from readiness.infra.actor import Actor
from readiness.tenants.access import MachineRequest, machine, requires_scope
from readiness.urls import urlpatterns as console


@machine(methods=("POST",))
@requires_scope("errors:write")
def view(request: MachineRequest) -> HttpResponse:
    """Breaks with a secret in its words."""
    raise LookupError("the shelf is empty, password=hunter2hunter2")


def job(*, actor: Actor) -> int:
    raise LookupError("nothing to forget")


def handler(*, key: str, payload: dict[str, Any]) -> None:
    raise LookupError(f"nobody listens to {key}")


urlpatterns = [path("v1/break", view), *console]
