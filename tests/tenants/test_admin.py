"""The admin: who may do what there, every save a workflow, no secret shown."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from readiness.tenants.models import ApiKey, DsnKey, LoginAttempt, Project, Tenant, User
from readiness.tenants.workflows import caller_authenticate, tenant_onboard
from readiness.tenants.workflows.people import signin_attempt_open
from tests.factories import (
    ANYBODY,
    PASSWORD,
    a_dsn_key,
    a_founder,
    a_project,
    a_user,
    a_viewer,
    an_api_key,
    an_engineer,
)

pytestmark = pytest.mark.django_db
KEY = re.compile(r"rk_[A-Za-z0-9_-]{43}")
MODELS = ("user", "tenant", "project", "apikey", "dsnkey", "loginattempt")
EDITABLE = {"user", "tenant", "project", "dsnkey"}
ADDABLE = {"user", "tenant", "apikey", "dsnkey"}


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder())
    return client


@pytest.fixture
def rows() -> dict[str, int]:
    project = a_project()
    attempt = signin_attempt_open(email="a@b.test", source="127.0.0.1")
    key = an_api_key("ops:read", tenant=project.tenant)
    return {
        "user": a_viewer().pk,
        "tenant": project.tenant.pk,
        "project": project.pk,
        "apikey": key.id,
        "dsnkey": a_dsn_key(project=project).pk,
        "loginattempt": attempt,
    }


def body(answer) -> str:  # type: ignore[no-untyped-def]
    return str(answer.content.decode())


@pytest.mark.parametrize("role", ["founder", "engineer", "viewer"])
def test_everybody_reads_and_only_founders_write(client: Client, rows: dict[str, int], role: str) -> None:
    client.force_login(a_user(role=role))
    founder = role == "founder"
    assert client.get("/admin/").status_code == 200
    for model, pk in rows.items():
        base = f"/admin/tenants/{model}"
        assert client.get(f"{base}/").status_code == 200
        page = client.get(f"{base}/{pk}/change/")
        assert page.status_code == 200
        assert ('name="_save"' in body(page)) == (founder and model in EDITABLE)
        assert client.get(f"{base}/add/").status_code == (200 if founder and model in ADDABLE else 403)
        assert client.get(f"{base}/{pk}/delete/").status_code == 403
        assert client.post(f"{base}/{pk}/delete/", {"post": "yes"}).status_code == 403


def test_it_shows_neither_hashes_nor_groups(founder: Client, rows: dict[str, int]) -> None:
    key = ApiKey.objects.get(pk=rows["apikey"])
    for url in ("/admin/tenants/apikey/", f"/admin/tenants/apikey/{key.pk}/change/"):
        text = body(founder.get(url))
        assert key.prefix in text
        assert key.key_hash not in text
    person = User.objects.get(pk=rows["user"])
    assert person.password not in body(founder.get(f"/admin/tenants/user/{person.pk}/change/"))
    assert founder.get("/admin/auth/group/").status_code == 404


def test_it_adds_a_person_who_can_sign_in(founder: Client) -> None:
    values = {"email": "New@example.test", "name": "", "role": "engineer", "is_active": "on", "password_new": PASSWORD}
    assert founder.post("/admin/tenants/user/add/", values).status_code == 302
    person = User.objects.get(email="new@example.test")
    assert person.role == "engineer"
    assert person.check_password(PASSWORD)
    assert LogEntry.objects.get().object_id == str(person.pk)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"password_new": ""}, "needs a password"),
        ({"password_new": "short"}, "too short"),
        ({"email": "nobody"}, "valid email"),
        ({"role": "emperor"}, "valid choice"),
    ],
)
def test_it_refuses_on_the_form_and_writes_nothing(founder: Client, wrong: dict[str, str], why: str) -> None:
    values = {
        "email": "new@example.test",
        "name": "Kept",
        "role": "viewer",
        "is_active": "on",
        "password_new": PASSWORD,
    }
    answer = founder.post("/admin/tenants/user/add/", {**values, **wrong})
    assert answer.status_code == 200
    assert why in body(answer)
    assert 'value="Kept"' in body(answer)
    assert User.objects.count() == 1
    assert not LogEntry.objects.exists()


def test_it_changes_a_person_and_keeps_the_last_founder(client: Client) -> None:
    me, person = a_founder(), an_engineer()
    client.force_login(me)
    values = {"email": person.email, "name": "Grace", "role": "viewer", "is_active": "on", "password_new": ""}
    assert client.post(f"/admin/tenants/user/{person.pk}/change/", values).status_code == 302
    person.refresh_from_db()
    assert (person.name, person.role, person.check_password(PASSWORD)) == ("Grace", "viewer", True)
    mine = {"email": me.email, "name": "", "role": "viewer", "is_active": "on", "password_new": ""}
    answer = client.post(f"/admin/tenants/user/{me.pk}/change/", mine)
    assert "last active founder" in body(answer)
    me.refresh_from_db()
    assert me.role == "founder"


def test_a_new_password_of_ones_own_keeps_the_session(client: Client) -> None:
    me = a_founder()
    client.force_login(me)
    values = {
        "email": me.email,
        "name": "",
        "role": "founder",
        "is_active": "on",
        "password_new": "a new long password",
    }
    assert client.post(f"/admin/tenants/user/{me.pk}/change/", values).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert User.objects.get().check_password("a new long password")


def test_adding_a_tenant_onboards_it_and_shows_its_keys_once(founder: Client) -> None:
    answer = founder.post("/admin/tenants/tenant/add/", {"slug": "demo", "name": "Demo", "trusted": "on"}, follow=True)
    keys = set(KEY.findall(body(answer)))
    assert len(keys) == 4
    assert all(caller_authenticate(key) for key in keys)
    assert not KEY.search(body(founder.get("/admin/tenants/tenant/")))
    tenant = Tenant.objects.get()
    assert DsnKey.objects.get().trusted
    answer = founder.post(f"/admin/tenants/tenant/{tenant.pk}/change/", {"name": "Demo Ltd", "slug": "other"})
    assert answer.status_code == 302
    tenant.refresh_from_db()
    assert (tenant.slug, tenant.name) == ("demo", "Demo Ltd")
    assert "lower-case letters" in body(founder.post("/admin/tenants/tenant/add/", {"slug": "No Slug", "name": "x"}))


def test_a_project_is_renamed(founder: Client) -> None:
    project = a_project()
    assert founder.post(f"/admin/tenants/project/{project.pk}/change/", {"name": "Web"}).status_code == 302
    assert Project.objects.get().name == "Web"


def test_a_key_is_made_shown_once_and_revoked(founder: Client) -> None:
    tenant_onboard(slug="demo", actor=ANYBODY)
    tenant = Tenant.objects.get()
    values = {"name": "ci", "tenant": tenant.pk, "scopes": ["ops:read", "errors:write"], "environment": "staging"}
    answer = founder.post("/admin/tenants/apikey/add/", values, follow=True)
    [key] = set(KEY.findall(body(answer)))
    caller = caller_authenticate(key)
    assert caller is not None
    assert (caller.scopes, caller.environment) == ({"ops:read", "errors:write"}, "staging")
    action = {"action": "revoke", "_selected_action": [caller.key_id]}
    assert "is revoked" in body(founder.post("/admin/tenants/apikey/", action, follow=True))
    assert "revoked already" in body(founder.post("/admin/tenants/apikey/", action, follow=True))
    assert founder.post("/admin/tenants/apikey/add/", {**values, "environment": "a b"}).status_code == 200


def test_only_founders_revoke(client: Client, rows: dict[str, int]) -> None:
    for person in (an_engineer(), a_viewer()):
        client.force_login(person)
        client.post("/admin/tenants/apikey/", {"action": "revoke", "_selected_action": [rows["apikey"]]})
    assert ApiKey.objects.get(pk=rows["apikey"]).revoked_at is None


def test_a_dsn_key_is_made_and_switched_off(founder: Client) -> None:
    project = a_project()
    values = {"project": project.pk, "trusted": "on", "label": "api"}
    assert founder.post("/admin/tenants/dsnkey/add/", values).status_code == 302
    dsn = DsnKey.objects.get()
    assert (dsn.trusted, dsn.active, dsn.label) == (True, True, "api")
    assert founder.post(f"/admin/tenants/dsnkey/{dsn.pk}/change/", {"label": "off"}).status_code == 302
    dsn.refresh_from_db()
    assert (dsn.trusted, dsn.active, dsn.label) == (False, False, "off")


def test_sign_ins_are_only_read(founder: Client, rows: dict[str, int]) -> None:
    base = "/admin/tenants/loginattempt"
    for url in (f"{base}/add/", f"{base}/{rows['loginattempt']}/change/", f"{base}/{rows['loginattempt']}/delete/"):
        assert founder.post(url, {"ok": "on", "ip": "1.1.1.1"}).status_code == 403
    founder.post(f"{base}/", {"action": "delete_selected", "_selected_action": [rows["loginattempt"]], "post": "yes"})
    attempt = LoginAttempt.objects.get()
    assert (attempt.ok, attempt.ip) == (False, "127.0.0.1")
