"""The decorators of machine views, through the machine lane as callers meet it."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from readiness.infra.problem import json_response
from readiness.tenants.access import MachineRequest, caller_actor, caller_of, machine, requires_scope
from readiness.tenants.workflows import key_revoke
from tests.factories import ANYBODY, a_project, an_api_key

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@machine(methods=("GET", "POST"))
@requires_scope("ops:read")
def whoami(request: MachineRequest) -> HttpResponse:
    actor = caller_actor(request)
    return json_response({"tenant": request.caller.tenant_slug, "actor": [actor.kind, actor.name, actor.id]})


@machine(methods=("GET",))
def public(request: HttpRequest) -> HttpResponse:
    caller = caller_of(request, scope="config:read")
    return json_response({"caller": caller.name if caller else None})


urlpatterns = [path("ops/whoami", whoami), path("config", public)]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_it_hands_the_caller_to_the_view(client: Client) -> None:
    project = a_project()
    issued = an_api_key("ops:read", tenant=project.tenant, name="ci")
    for headers in (bearer(issued.key), {"X-API-Key": issued.key}, {**bearer(issued.key), "X-API-Key": issued.key}):
        answer = client.get("/ops/whoami", headers=headers)
        assert answer.json() == {"tenant": project.tenant.slug, "actor": ["key", "ci", issued.id]}


def test_it_asks_for_no_csrf_token_and_no_session() -> None:
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/ops/whoami", headers=bearer(an_api_key("ops:read").key))
    assert answer.status_code == 200
    assert not answer.cookies


def test_it_refuses_without_a_key(client: Client) -> None:
    answer = client.get("/ops/whoami")
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"] == "Bearer"
    assert answer["Content-Type"] == "application/problem+json"
    assert "ops:read" in answer.json()["detail"]


def test_it_refuses_unknown_and_revoked_keys_alike(client: Client) -> None:
    issued = an_api_key("ops:read")
    key_revoke(key_id=issued.id, actor=ANYBODY)
    answers = [client.get("/ops/whoami", headers=bearer(key)) for key in (issued.key, "rk_" + "x" * 43)]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert answers[0]["WWW-Authenticate"] == 'Bearer error="invalid_token"'


def test_it_refuses_two_headers_that_disagree_even_if_both_keys_are_good(client: Client) -> None:
    headers = {**bearer(an_api_key("ops:read").key), "X-API-Key": an_api_key("ops:read").key}
    answer = client.get("/ops/whoami", headers=headers)
    assert answer.status_code == 401
    assert "different keys" in answer.json()["detail"]


def test_it_refuses_a_key_without_the_scope_and_names_both(client: Client) -> None:
    issued = an_api_key("errors:write", "config:read", tenant=a_project().tenant)
    answer = client.get("/ops/whoami", headers=bearer(issued.key))
    assert answer.status_code == 403
    assert "the scope ops:read" in answer.json()["detail"]
    assert "config:read, errors:write" in answer.json()["detail"]
    assert answer["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="ops:read"'


def test_it_refuses_a_wrong_method_and_names_the_right_ones(client: Client) -> None:
    answer = client.delete("/ops/whoami")
    assert answer.status_code == 405
    assert answer["Allow"] == "GET, POST, HEAD"
    assert client.head("/config").status_code == 200


def test_a_key_may_be_optional_but_never_wrong(client: Client) -> None:
    assert client.get("/config").json() == {"caller": None}
    assert client.get("/config", headers=bearer(an_api_key("config:read").key)).json() == {"caller": "ci"}
    assert client.get("/config", headers=bearer(an_api_key("ops:read").key)).status_code == 403
    assert client.get("/config", headers=bearer("rk_" + "x" * 43)).status_code == 401
    assert client.get("/config", headers={"Authorization": "Bearer \x00é"}).status_code == 401
