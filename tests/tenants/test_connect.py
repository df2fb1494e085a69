"""The page that says how a program comes to report here."""

import re

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from readiness.tenants.models import ApiKey, Tenant
from readiness.tenants.workflows import caller_authenticate, dsn_key_change, tenant_onboard
from tests.factories import ANYBODY, a_dsn_key, a_founder, a_project, a_viewer, an_api_key, an_engineer

pytestmark = pytest.mark.django_db
KEY = re.compile(r"rk_[A-Za-z0-9_-]{43}")


def body(answer) -> str:  # type: ignore[no-untyped-def]
    return str(answer.content.decode())


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder())
    return client


def test_it_shows_each_projects_dsn_and_snippets_to_everybody(client: Client) -> None:
    onboarded = tenant_onboard(slug="demo", name="Demo Ltd", actor=ANYBODY)
    for person in (a_founder(), an_engineer(), a_viewer()):
        client.force_login(person)
        text = body(client.get("/connect/"))
        assert f"{onboarded.public_key}@" in text
        assert "sentry_sdk.init(" in text
        assert "/config" in text
        assert ("Onboard a tenant" in text) == (person.role == "founder")
        assert ("Make the key" in text) == (person.role == "founder")
        assert not KEY.search(text)


def test_it_teaches_the_next_command_when_there_is_nothing(founder: Client) -> None:
    assert "manage.py onboard_tenant SLUG" in body(founder.get("/connect/"))


def test_it_gives_no_id_twice(founder: Client) -> None:
    tenant_onboard(slug="demo", actor=ANYBODY)
    an_api_key("ops:read")
    ids = re.findall(r' id="([^"]+)"', body(founder.get("/connect/")))
    assert sorted(ids) == sorted(set(ids))


def test_it_says_when_every_dsn_is_switched_off(founder: Client) -> None:
    dsn = a_dsn_key()
    dsn_key_change(dsn_key_id=dsn.pk, trusted=False, active=False, label="", actor=ANYBODY)
    text = body(founder.get("/connect/"))
    assert dsn.public_key not in text
    assert "switched off" in text


def test_it_onboards_and_shows_the_keys_once(founder: Client) -> None:
    answer = founder.post("/connect/tenants/", {"slug": "demo", "name": "", "trusted": "on"})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    keys = set(KEY.findall(body(answer)))
    assert len(keys) == 4
    assert all(caller_authenticate(key) for key in keys)
    assert not KEY.search(body(founder.get("/connect/")))


def test_it_refuses_a_tenant_twice_or_badly_named_on_the_form(founder: Client) -> None:
    tenant_onboard(slug="demo", actor=ANYBODY)
    for slug in ("demo", "No Slug", ""):
        answer = founder.post("/connect/tenants/", {"slug": slug})
        assert answer.status_code == 422
        assert not KEY.search(body(answer))
    assert Tenant.objects.count() == 1


def test_it_rotates_a_tenants_keys(founder: Client) -> None:
    before = tenant_onboard(slug="demo", actor=ANYBODY)
    answer = founder.post("/connect/tenants/demo/rotate/")
    keys = set(KEY.findall(body(answer)))
    assert len(keys) == 4
    assert keys.isdisjoint(before.keys.values())
    assert founder.post("/connect/tenants/nobody/rotate/").status_code == 404


def test_it_makes_and_revokes_a_key(founder: Client) -> None:
    project = a_project()
    values = {"name": "ci", "tenant": project.tenant.slug, "scopes": ["ops:read"], "environment": "production"}
    answer = founder.post("/connect/keys/", values)
    [key] = set(KEY.findall(body(answer)))
    caller = caller_authenticate(key)
    assert caller is not None
    assert caller.project_id == project.pk
    answer = founder.post(f"/connect/keys/{caller.key_id}/revoke/", follow=True)
    assert "is revoked" in body(answer)
    assert ApiKey.objects.get().revoked_at is not None
    assert "revoked already" in body(founder.post(f"/connect/keys/{caller.key_id}/revoke/", follow=True))


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["root"]}, {"tenant": "nobody"}, {"name": ""}, {"environment": "a b"}]
)
def test_it_refuses_a_bad_key_on_the_form(founder: Client, wrong: dict[str, object]) -> None:
    values = {"name": "ci", "tenant": "", "scopes": ["ops:read"], "environment": "production", **wrong}
    assert founder.post("/connect/keys/", values).status_code == 422
    assert not ApiKey.objects.exists()


def test_only_founders_manage_keys_and_only_by_post(client: Client) -> None:
    tenant_onboard(slug="demo", actor=ANYBODY)
    key = an_api_key("ops:read")
    urls = ("/connect/tenants/", "/connect/tenants/demo/rotate/", "/connect/keys/", f"/connect/keys/{key.id}/revoke/")
    before = list(ApiKey.objects.values())
    for person in (an_engineer(), a_viewer()):
        client.force_login(person)
        assert [client.post(url).status_code for url in urls] == [403] * 4
    client.force_login(a_founder())
    assert [client.get(url).status_code for url in urls] == [405] * 4
    assert list(ApiKey.objects.values()) == before


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "9" * 5000, "\x00"])
def test_an_impossible_page_gives_the_nearest(founder: Client, page: str) -> None:
    assert founder.get("/connect/", {"page": page}).status_code == 200


def test_it_asks_as_many_questions_for_ten_projects_as_for_one(
    founder: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(12):
        tenant_onboard(slug=f"tenant-{number}", actor=ANYBODY)
    with django_assert_max_num_queries(7):  # session, person, count, projects, DSN keys, API keys; one to spare
        text = body(founder.get("/connect/"))
    assert text.count("sentry_sdk.init(") == 10
    assert "page=2" in text
