"""Flags in Django's admin: an edit there is a workflow like any other, and leaves a revision."""

import pytest
from django.test import Client
from django.urls import reverse

from flags.models import Flag, FlagRevision
from flags.workflows import flag_set
from readiness.infra.actor import Actor
from tests.factories import a_founder, a_project, a_viewer, an_engineer

ADA = Actor(kind="person", name="ada@example.test", id=1)
LIST, ADD = "/admin/flags/flag/", "/admin/flags/flag/add/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def founder() -> Client:
    client = Client()
    client.force_login(a_founder(email="grace@example.test", name="Grace"))
    return client


def change_url(key: str = "syncEnabled") -> str:
    return reverse("admin:flags_flag_change", args=[Flag.objects.get(key=key).pk])


def form_of(key: str, **given: str) -> dict[str, str]:
    flag = Flag.objects.get(key=key)
    bounds = {name: "" if (b := getattr(flag, name)) is None else str(b) for name in ("minimum", "maximum")}
    return {
        "value": str(flag.value).lower(),
        "safe_value": "" if flag.safe_value is None else str(flag.safe_value).lower(),
        "visibility": flag.visibility,
        "description": flag.description,
        "version": str(flag.version),
        "reason": "",
        **bounds,
        **given,
    }


def test_it_makes_a_revision_of_an_edit(founder: Client) -> None:
    response = founder.post(change_url(), form_of("syncEnabled", value="false", reason="drill"))
    assert response.status_code == 302, response.content.decode()
    flag = Flag.objects.get(key="syncEnabled")
    assert (flag.value, flag.version, flag.changed_by) == (False, 2, "Grace")
    revision = FlagRevision.objects.get(key="syncEnabled", version=2)
    assert (revision.before, revision.after, revision.reason) == ({"value": True}, {"value": False}, "drill")
    page = founder.get(change_url()).content.decode()
    assert "Grace" in page
    assert "drill" in page


def test_it_edits_the_definition_too(founder: Client) -> None:
    given = form_of("minIntervalSec", safe_value="3600", maximum="", visibility="private")
    assert founder.post(change_url("minIntervalSec"), given).status_code == 302
    flag = Flag.objects.get(key="minIntervalSec")
    assert (flag.safe_value, flag.maximum, flag.visibility, flag.value) == (3600, None, "private", 900)
    revision = FlagRevision.objects.get(key="minIntervalSec", version=2)
    assert revision.before == {"safe_value": None, "visibility": "public", "maximum": "86400"}


@pytest.mark.parametrize(
    ("given", "mend"),
    [
        ({"value": "0"}, "The least allowed is 1"),
        ({"value": "soon"}, "An integer is digits"),
        ({"value": ""}, "This field is required"),
        ({"safe_value": "0"}, "The least allowed is 1"),
        ({"minimum": "5000", "maximum": "10"}, "The minimum is above the maximum"),
        ({"minimum": "NaN"}, "Enter a number"),
        ({"version": "0"}, "Somebody changed this flag"),
        ({"version": ""}, "Somebody changed this flag"),
    ],
)
def test_it_shows_a_refusal_on_the_form(founder: Client, given: dict[str, str], mend: str) -> None:
    response = founder.post(change_url("minIntervalSec"), form_of("minIntervalSec", **given))
    assert response.status_code == 200
    assert mend in response.content.decode()
    assert Flag.objects.get(key="minIntervalSec").version == 1
    assert FlagRevision.objects.filter(key="minIntervalSec").count() == 1


def test_it_tells_the_second_of_two_people(founder: Client) -> None:
    seen = form_of("syncEnabled", value="false")
    flag_set(key="syncEnabled", value=False, expected_version=1, actor=ADA)
    response = founder.post(change_url(), seen)
    assert "Somebody changed this flag while you were editing it" in response.content.decode()


def test_it_defines_a_flag_for_everyone_or_for_a_tenant(founder: Client) -> None:
    given = {
        "key": "checkout.v2",
        "type": "object",
        "tenant": "",
        "environment": "production",
        "value": '{"rollout": 10}',
        "safe_value": '{"rollout": 0}',
        "visibility": "private",
        "description": "The new checkout",
        "reason": "pilot",
    }
    assert founder.get(ADD).status_code == 200
    response = founder.post(ADD, given)
    assert response.status_code == 302, response.content.decode()
    flag = Flag.objects.get(key="checkout.v2")
    assert (flag.project_id, flag.value, flag.safe_value, flag.version) == (0, {"rollout": 10}, {"rollout": 0}, 1)
    assert FlagRevision.objects.get(key="checkout.v2").actor_name == "Grace"
    project = a_project()
    assert founder.post(ADD, {**given, "tenant": project.tenant.slug, "environment": "staging"}).status_code == 302
    assert Flag.objects.get(key="checkout.v2", project_id=project.pk).environment == "staging"
    for wrong in ({"tenant": "nosuch"}, {"key": "no way"}, {"type": "string", "environment": "dev"}, {}):
        assert founder.post(ADD, {**given, **wrong}).status_code == 200
    assert Flag.objects.filter(key="checkout.v2").count() == 2


@pytest.mark.parametrize(
    ("type", "text", "value"), [("object", "{}", {}), ("string", "", ""), ("boolean", "false", False)]
)
def test_it_takes_an_empty_value_for_a_value(founder: Client, type: str, text: str, value: object) -> None:
    given = {"key": "a.b", "type": type, "environment": "production", "visibility": "private"}
    assert founder.post(ADD, {**given, "value": text}).status_code == 302
    assert Flag.objects.get(key="a.b").value == value
    assert founder.post(change_url("a.b"), form_of("a.b", value=text, description="said")).status_code == 302
    assert Flag.objects.get(key="a.b").value == value
    assert founder.get("/flags/a.b/").status_code == 200


def test_it_removes_a_flag_and_keeps_its_history(founder: Client) -> None:
    url = reverse("admin:flags_flag_delete", args=[Flag.objects.get(key="retryCap").pk])
    assert founder.get(url).status_code == 200
    assert founder.post(url, {"post": "yes"}).status_code == 302
    assert not Flag.objects.filter(key="retryCap").exists()
    assert [r.action for r in FlagRevision.objects.filter(key="retryCap").order_by("version")] == ["defined", "removed"]
    revisions = founder.get(reverse("admin:flags_flagrevision_changelist"))
    assert "removed" in revisions.content.decode()
    removed = FlagRevision.objects.get(key="retryCap", action="removed")
    assert founder.get(reverse("admin:flags_flagrevision_change", args=[removed.pk])).status_code == 200


def test_it_keeps_revisions_read_only(founder: Client) -> None:
    revision = FlagRevision.objects.filter(key="retryCap").get()
    url = reverse("admin:flags_flagrevision_change", args=[revision.pk])
    assert founder.get(url).status_code == 200
    assert founder.post(url, {"actor_name": "nobody"}).status_code == 403
    assert founder.get(reverse("admin:flags_flagrevision_add")).status_code == 403
    assert (
        founder.post(reverse("admin:flags_flagrevision_delete", args=[revision.pk]), {"post": "yes"}).status_code == 403
    )


def test_it_lets_others_look_at_production_only() -> None:
    for person in (an_engineer(), a_viewer()):
        client = Client()
        client.force_login(person)
        assert client.get(LIST).status_code == 200
        assert client.get(change_url()).status_code == 200
        assert client.post(change_url(), form_of("syncEnabled", value="false")).status_code == 403
    engineer = Client()
    engineer.force_login(an_engineer())
    given = {"key": "a.b", "type": "boolean", "environment": "production", "value": "true", "visibility": "private"}
    refused = engineer.post(ADD, given)
    assert "Only founders change flags in production" in refused.content.decode()
    assert engineer.post(ADD, {**given, "environment": "staging"}).status_code == 302
    assert list(Flag.objects.filter(key="a.b").values_list("environment", flat=True)) == ["staging"]
