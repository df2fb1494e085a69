"""The commands that founders and scripts type."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from readiness.tenants.models import ApiKey, Tenant, User
from readiness.tenants.workflows import caller_authenticate, dsn_authenticate
from tests.factories import PASSWORD, a_project, a_viewer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def base_url(settings: Settings) -> None:
    settings.READINESS_BASE_URL = "http://127.0.0.1:8000"


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()


def run_json(*words: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(run(*words, "--json"))
    return body


def refused(*words: str) -> CommandError:
    with pytest.raises(CommandError) as error:
        run(*words)
    return error.value


def test_onboard_tenant_prints_the_shape_of_the_interface() -> None:
    body = run_json("onboard_tenant", "demo")
    public_key = body["dsn"][len("http://") :].partition("@")[0]
    assert list(body["keys"]) == ["errors:write", "decisions:write", "telemetry:write", "config:read"]
    assert {name: value for name, value in body.items() if name != "keys"} == {
        "tenant": "demo",
        "project_id": body["project_id"],
        "dsn": f"http://{public_key}@127.0.0.1:8000/{body['project_id']}",
        "dsn_trusted": False,
        "config_url": "http://127.0.0.1:8000/config",
        "ofrep_url": "http://127.0.0.1:8000",
        "console_url": "http://127.0.0.1:8000/",
    }
    assert dsn_authenticate(body["project_id"], public_key) is not None
    assert all(caller_authenticate(key) for key in body["keys"].values())


def test_onboard_tenant_keeps_scheme_and_prefix_of_the_base_url(settings: Settings) -> None:
    settings.READINESS_BASE_URL = "https://ready.example.test/console"
    body = run_json("onboard_tenant", "demo", "--trusted", "--name", "Demo Ltd")
    assert body["dsn"].startswith("https://")
    assert body["dsn"].endswith(f"@ready.example.test/console/{body['project_id']}")
    assert body["dsn_trusted"] is True
    assert Tenant.objects.get().name == "Demo Ltd"


def test_onboard_tenant_tells_people_what_to_paste() -> None:
    text = run("onboard_tenant", "demo")
    assert "shown this once" in text
    assert "sentry_sdk.init(" in text
    assert 'curl -H "Authorization: Bearer rk_' in text
    assert text.count("rk_") == 5  # four keys, and the one in the curl line


def test_onboard_tenant_twice_exits_1_and_changes_nothing() -> None:
    run("onboard_tenant", "demo")
    before = list(ApiKey.objects.values())
    error = refused("onboard_tenant", "demo")
    assert error.returncode == 1
    assert "exists already; nothing was changed" in str(error)
    assert list(ApiKey.objects.values()) == before


def test_onboard_tenant_rotates_keys() -> None:
    before = run_json("onboard_tenant", "demo")
    after = run_json("onboard_tenant", "demo", "--rotate-keys")
    assert before["dsn"] == after["dsn"]
    assert set(before["keys"].values()).isdisjoint(after["keys"].values())
    assert refused("onboard_tenant", "nobody", "--rotate-keys").returncode == 1


def test_onboard_tenant_refuses_a_bad_slug_as_bad_usage() -> None:
    error = refused("onboard_tenant", "No Slug")
    assert error.returncode == 64
    assert "lower-case letters" in str(error)


def test_create_key_prints_the_shape_of_the_interface() -> None:
    body = run_json("create_key", "ci", "--scope", "ops:read", "--scope", "controls:write")
    key = body.pop("key")
    assert body == {"name": "ci", "scopes": ["controls:write", "ops:read"], "tenant": None}
    caller = caller_authenticate(key)
    assert caller is not None
    assert caller.installation


def test_create_key_for_a_tenant_and_for_people() -> None:
    project = a_project()
    body = run_json("create_key", "web", "--scope", "faults:write", "--tenant", project.tenant.slug)
    assert body["tenant"] == project.tenant.slug
    text = run("create_key", "ci", "--scope", "ops:read")
    assert "shown this once" in text
    assert "this installation" in text


def test_create_key_refuses_with_a_reason_and_a_code() -> None:
    assert refused("create_key", "ci", "--scope", "root").returncode == 64
    assert "errors:write" in str(refused("create_key", "ci", "--scope", "root"))
    assert refused("create_key", "ci", "--scope", "ops:read", "--tenant", "nobody").returncode == 1
    with pytest.raises(CommandError, match="--scope"):
        run("create_key", "ci")


def test_ensure_founder_prints_a_made_password_once() -> None:
    first = run_json("ensure_founder")
    assert first["created"] is True
    assert User.objects.get(email=first["email"]).check_password(first["password"])
    assert run_json("ensure_founder") == {"email": first["email"], "created": False, "password": None}
    assert first["password"] not in run("ensure_founder")


def test_ensure_founder_takes_the_environments_words(settings: Settings) -> None:
    settings.READINESS_FOUNDER_EMAIL = "me@example.test"
    settings.READINESS_FOUNDER_PASSWORD = PASSWORD
    text = run("ensure_founder")
    assert "me@example.test" in text
    assert PASSWORD not in text
    assert User.objects.get().check_password(PASSWORD)
    settings.READINESS_FOUNDER_EMAIL = "nobody"
    assert "READINESS_FOUNDER_EMAIL" in str(refused("ensure_founder"))


def test_changepassword_sets_one_through_the_workflow(monkeypatch: pytest.MonkeyPatch) -> None:
    person = a_viewer()
    answers = iter(["a new long password", "a new long password", "one", "other", "short", "short"])
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(answers))
    assert person.email in run("changepassword", person.email.upper())
    assert User.objects.get().check_password("a new long password")
    assert "differ" in str(refused("changepassword", person.email))
    assert "Nothing was changed" in str(refused("changepassword", person.email))
    assert "Nobody here" in str(refused("changepassword", "nobody@example.test"))
    assert User.objects.get().check_password("a new long password")


def test_createsuperuser_makes_a_founder() -> None:
    run("createsuperuser", "--email", "Root@example.test", "--noinput")
    founder = User.objects.get()
    assert (founder.email, founder.role, founder.has_usable_password()) == ("root@example.test", "founder", False)
