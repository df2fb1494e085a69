"""GET /config as INTERFACES.md says, header by header."""

import json
from http import HTTPStatus

import pytest
from django.db import connection
from django.http import HttpResponseBase
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from flags.api import forget_answers
from flags.services.changes import FlagEdit
from flags.workflows import flag_edit, flag_kill, flag_override, flag_set
from readiness.infra.actor import Actor
from readiness.tenants.models import ApiKey
from readiness.tenants.workflows import forget_recent_answers, key_create, key_revoke
from tests.factories import a_project, a_tenant

ADA = Actor(kind="person", name="ada@example.test", id=1)
CACHE = "max-age=30, stale-while-revalidate=30, stale-if-error=86400"
THE_THREE = {"minIntervalSec": 900, "retryCap": 3, "syncEnabled": True}
CROSS_ORIGIN = {
    "Vary": "Authorization, X-API-Key",
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag",
}

pytestmark = pytest.mark.django_db


def holds(response: HttpResponseBase, headers: dict[str, str]) -> bool:
    return {name: response[name] for name in headers} == headers


def a_key(scope: str = "config:read", *, tenant: str | None = None, environment: str = "production") -> str:
    return key_create(name="test", scopes=[scope], actor=ADA, tenant=tenant, environment=environment).key


def test_it_gives_the_public_flags_without_a_key(client: Client) -> None:
    response = client.get("/config")
    assert response.status_code == HTTPStatus.OK
    assert response["Content-Type"] == "application/json"
    assert response.json() == THE_THREE
    assert holds(response, {"Cache-Control": CACHE, **CROSS_ORIGIN})
    assert response["Content-Length"] == str(len(response.content))
    assert response["ETag"].startswith('"')
    assert not response.cookies


def test_it_answers_not_modified_without_a_body_and_with_the_same_headers(client: Client) -> None:
    etag = client.get("/config")["ETag"]
    for held in (etag, f"W/{etag}", f'"other", {etag}', "*"):
        response = client.get("/config", headers={"If-None-Match": held})
        assert response.status_code == HTTPStatus.NOT_MODIFIED
        assert response.content == b""
        assert holds(response, {"ETag": etag, "Cache-Control": CACHE, **CROSS_ORIGIN})
        assert "Content-Type" not in response
    for other in ('"other"', "", "rubbish", etag.strip('"')):
        assert client.get("/config", headers={"If-None-Match": other}).status_code == HTTPStatus.OK


def test_it_changes_its_tag_when_the_answer_changes_and_only_then(client: Client) -> None:
    etag = client.get("/config")["ETag"]
    flag_set(key="syncEnabled", value=False, expected_version=1, actor=ADA)
    forget_answers()
    flipped = client.get("/config", headers={"If-None-Match": etag})
    assert flipped.status_code == HTTPStatus.OK
    assert flipped.json() == {**THE_THREE, "syncEnabled": False}
    flag_set(key="syncEnabled", value=True, expected_version=2, actor=ADA)
    forget_answers()
    assert client.get("/config")["ETag"] == etag


def test_it_answers_head_like_get_without_the_body(client: Client) -> None:
    get, head = client.get("/config"), client.head("/config")
    assert head.status_code == HTTPStatus.OK
    assert head.content == b""
    assert {name: value for name, value in head.items() if name != "X-Correlation-Id"} == {
        name: value for name, value in get.items() if name != "X-Correlation-Id"
    }
    assert client.head("/config", headers={"If-None-Match": get["ETag"]}).status_code == HTTPStatus.NOT_MODIFIED


def test_it_lets_browsers_of_other_sites_ask(client: Client) -> None:
    response = client.options(
        "/config",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization, if-none-match",
        },
    )
    assert response.status_code == HTTPStatus.NO_CONTENT
    assert "GET" in response["Access-Control-Allow-Methods"]
    allowed = response["Access-Control-Allow-Headers"].lower().replace(" ", "").split(",")
    assert {"authorization", "x-api-key", "if-none-match"} <= set(allowed)
    assert response["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_refuses_other_methods(client: Client, method: str) -> None:
    response = client.generic(method, "/config")
    assert response.status_code == HTTPStatus.METHOD_NOT_ALLOWED
    assert response["Content-Type"] == "application/problem+json"
    assert {"GET", "HEAD"} <= set(response["Allow"].split(", "))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer rk_" + "x" * 43},
        {"X-API-Key": "rk_" + "x" * 43},
        {"Authorization": "Bearer short"},
        {"Authorization": "Basic YTpi"},
        {"X-API-Key": "nonsense\x00"},
    ],
)
def test_it_refuses_a_wrong_key_instead_of_giving_public_flags(client: Client, headers: dict[str, str]) -> None:
    response = client.get("/config", headers=headers)
    assert response.status_code == HTTPStatus.UNAUTHORIZED
    problem = json.loads(response.content)
    assert problem["status"] == HTTPStatus.UNAUTHORIZED
    assert "syncEnabled" not in response.content.decode()
    assert response["Cache-Control"] == "no-store"
    assert response["WWW-Authenticate"].startswith("Bearer")
    assert holds(response, CROSS_ORIGIN)


def test_it_refuses_a_key_without_the_scope(client: Client) -> None:
    response = client.get("/config", headers={"X-API-Key": a_key("ops:read")})
    assert response.status_code == HTTPStatus.FORBIDDEN
    assert "config:read" in response.json()["detail"]


def test_it_refuses_a_revoked_key(client: Client) -> None:
    key = a_key()
    assert client.get("/config", headers={"X-API-Key": key}).status_code == HTTPStatus.OK
    key_revoke(key_id=ApiKey.objects.latest("pk").pk, actor=ADA)
    forget_recent_answers()
    assert client.get("/config", headers={"X-API-Key": key}).status_code == HTTPStatus.UNAUTHORIZED


def test_it_gives_a_key_its_tenants_and_environments_flags(client: Client) -> None:
    project = a_project()
    slug = project.tenant.slug
    flag_override(key="retryCap", project_id=project.pk, environment="production", value=9, actor=ADA)
    flag_override(key="retryCap", project_id=project.pk, environment="staging", value=1, actor=ADA)
    answers = {
        environment: client.get(
            "/config", headers={"Authorization": f"Bearer {a_key(tenant=slug, environment=environment)}"}
        )
        for environment in ("production", "staging", "dev")
    }
    assert {name: answer.json()["retryCap"] for name, answer in answers.items()} == {
        "production": 9,
        "staging": 1,
        "dev": 9,
    }
    assert holds(answers["staging"], {"Cache-Control": f"private, {CACHE}", **CROSS_ORIGIN})
    assert client.get("/config").json() == THE_THREE, "nobody else sees a tenant's flags"
    assert client.get("/config", headers={"X-API-Key": a_key(tenant=a_project().tenant.slug)}).json() == THE_THREE


def test_it_gives_private_flags_to_keys_only(client: Client) -> None:
    flag_edit(key="retryCap", edit=FlagEdit(visibility="private"), expected_version=1, actor=ADA)
    assert client.get("/config").json() == {"minIntervalSec": 900, "syncEnabled": True}
    assert client.get("/config", headers={"X-API-Key": a_key()}).json() == THE_THREE


def test_it_gives_the_public_tenants_flags_without_a_key(client: Client, settings: Settings) -> None:
    settings.READINESS_PUBLIC_TENANT = "shop"
    assert client.get("/config").json() == THE_THREE, "before the tenant is onboarded: the installation's"
    project = a_project(tenant=a_tenant(slug="shop"))
    flag_override(key="retryCap", project_id=project.pk, environment="production", value=9, actor=ADA)
    forget_answers()
    response = client.get("/config")
    assert response.json() == {**THE_THREE, "retryCap": 9}
    assert response["Cache-Control"] == CACHE


def test_it_serves_the_safe_variant_of_a_killed_flag(client: Client) -> None:
    flag_kill(key="syncEnabled", actor=ADA, reason="INC-12")
    assert client.get("/config").json() == {**THE_THREE, "syncEnabled": False}


def test_it_asks_the_database_once_for_many_requests(
    client: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):
        client.get("/config")
    with django_assert_num_queries(0):
        client.get("/config")


def test_it_keeps_answering_while_the_database_is_down(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table taken away is the nearest thing to a database that fails; nothing may look fresh meanwhile."""
    etag = client.get("/config")["ETag"]
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE flags_counter RENAME TO flags_counter_away")
    monkeypatch.setattr("flags.services.memo.FRESH_S", 0.0)
    for _ in range(3):
        response = client.get("/config")
        assert (response.status_code, response["ETag"]) == (HTTPStatus.OK, etag)


def test_it_says_unavailable_when_it_never_had_an_answer(client: Client) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE flags_counter RENAME TO flags_counter_away")
    response = client.get("/config")
    assert response.status_code == HTTPStatus.SERVICE_UNAVAILABLE
    assert response["Content-Type"] == "application/problem+json"
    assert response["Cache-Control"] == "no-store"
    assert response["Retry-After"]
