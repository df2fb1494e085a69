"""Capture settings in the admin: founders set a project's limits, with what each of them does beside it."""

import pytest
from django.test import Client

from incidents.errors.models import CaptureSettings, DroppedCount, LimitNotice
from incidents.errors.workflows.limiting import limits_read
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from tests.factories import a_founder, a_project, a_user

pytestmark = pytest.mark.django_db
LIST, ADD = "/admin/errors/capturesettings/", "/admin/errors/capturesettings/add/"


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder())
    return client


def test_a_founder_sets_a_tenants_limits_and_takes_one_back(founder: Client) -> None:
    project = a_project()
    given = {"tenant": project.tenant.slug, "key_per_minute": "500", "incident_per_minute": "0", "spike_factor": ""}
    assert founder.post(ADD, given).status_code == 302
    limits = limits_read(project_id=project.pk)
    assert (limits.key_per_minute, limits.incident_per_minute, limits.spike_factor) == (500, 0, 10)
    page = founder.get(f"{LIST}{project.pk}/change/").content.decode()
    assert f"{project.tenant.slug}, project {project.pk}" in page
    assert "300,000, the installation" in page
    given = {"key_per_minute": "", "incident_per_minute": "50", "spike_factor": "0"}
    assert founder.post(f"{LIST}{project.pk}/change/", given).status_code == 302
    limits = limits_read(project_id=project.pk)
    assert (limits.key_per_minute, limits.incident_per_minute, limits.spike_factor) == (300_000, 50, 0)


def test_settings_without_a_tenant_are_every_projects(founder: Client) -> None:
    assert founder.post(ADD, {"tenant": "", "key_per_minute": "500"}).status_code == 302
    assert limits_read(project_id=12345).key_per_minute == 500
    assert "every project without its own" in founder.get(LIST).content.decode()
    again = founder.post(ADD, {"tenant": "", "key_per_minute": "600"})
    assert again.status_code == 200
    assert "There are settings for this already" in again.content.decode()
    assert CaptureSettings.objects.get().key_per_minute == 500


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"key_per_minute": "3"}, "Use 10 or more"),
        ({"incident_per_minute": "1"}, "Use 5 or more"),
        ({"spike_factor": "1"}, "Use 2 or more"),
        ({"tenant": "nobody", "key_per_minute": "50"}, "There is no tenant nobody"),
        ({"key_per_minute": "-1"}, "greater than or equal to 0"),
    ],
)
def test_it_says_beside_the_field_why_a_limit_cannot_be_set(founder: Client, given: dict[str, str], said: str) -> None:
    answer = founder.post(ADD, given)
    assert answer.status_code == 200
    assert said in answer.content.decode()
    assert not CaptureSettings.objects.exists()


@pytest.mark.parametrize("role", ["engineer", "viewer"])
def test_others_only_look(client: Client, role: str) -> None:
    with atomic_write():
        CaptureSettings.objects.create(project_id=0, key_per_minute=500)
    client.force_login(a_user(role=role))
    assert client.get(LIST).status_code == 200
    assert client.get(f"{LIST}0/change/").status_code == 200
    assert client.get(ADD).status_code == 403
    assert client.post(f"{LIST}0/change/", {"key_per_minute": "600"}).status_code == 403
    assert CaptureSettings.objects.get().key_per_minute == 500


def test_counts_and_notices_are_there_to_look_at(founder: Client) -> None:
    now = utcnow()
    with atomic_write():
        DroppedCount.objects.create(
            project_id=1, hour=now, source="console", category="error", reason="key_limit", key_kind="dsn", key_id=4,
            quantity=1_204,
        )  # fmt: skip
        LimitNotice.objects.create(
            project_id=1, day=now.date(), scope="key", ref="dsn:4", text="Too many", first_at=now
        )
    assert "dsn 4" in founder.get("/admin/errors/droppedcount/").content.decode()
    assert "Too many" in founder.get("/admin/errors/limitnotice/").content.decode()
