"""The pages of flags: what is on, who changed it, changing it, the kill switch; and who may."""

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from flags.models import Flag, FlagRevision
from flags.workflows import flag_kill, flag_override, flag_set
from readiness.infra.actor import Actor
from readiness.tenants.models import User
from tests.factories import a_founder, a_project, a_viewer, an_engineer

ADA = Actor(kind="person", name="ada@example.test", id=1)
PAGE = "/flags/syncEnabled/"

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def founder() -> Client:
    return signed_in(a_founder(email="grace@example.test", name="Grace"))


def stored(key: str = "syncEnabled") -> Flag:
    return Flag.objects.get(key=key, project_id=0, environment="production")


def edit(client: Client, value: str, *, version: int = 1, path: str = PAGE, reason: str = "because") -> int:
    return client.post(path, {"value": value, "version": version, "reason": reason}).status_code


def test_it_lists_what_clients_may_do_now(founder: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    flag_set(key="retryCap", value=5, expected_version=1, actor=ADA, reason="gateway is slow")
    flag_kill(key="syncEnabled", actor=ADA, reason="INC-12")
    founder.get("/flags/")
    # session, person; tally, count, rows, their last revisions
    with django_assert_num_queries(6):
        page = founder.get("/flags/").content.decode()
    for text in ("syncEnabled", "minIntervalSec", "retryCap", "1 killed", "ada@example.test", "3 flags"):
        assert text in page
    assert page.index("minIntervalSec") < page.index("retryCap") < page.index("syncEnabled")


def test_it_costs_as_much_for_many_flags(founder: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(5):
        project = a_project()
        flag_override(key="retryCap", project_id=project.pk, environment=f"env{number}", value=number, actor=ADA)
    founder.get("/flags/")
    with django_assert_num_queries(7):  # the same, and the projects' names
        founder.get("/flags/")


def test_it_filters_the_list(founder: Client) -> None:
    assert "retryCap" not in founder.get("/flags/?key=sync").content.decode()
    assert "No flag matches" in founder.get("/flags/?killed=True").content.decode()
    for odd in ("key=%00", "killed=maybe", "environment=%ff", "page=99999", "page=x"):
        assert founder.get(f"/flags/?{odd}").status_code == 200


def test_it_shows_one_flag_and_its_history(founder: Client) -> None:
    flag_set(key="syncEnabled", value=False, expected_version=1, actor=ADA, reason="<b>load</b>")
    page = founder.get(PAGE).content.decode()
    assert "&lt;b&gt;load&lt;/b&gt;" in page
    assert "ada@example.test" in page
    assert 'name="version" value="2"' in page


def test_it_saves_an_edit_with_who_and_why(founder: Client) -> None:
    response = founder.post(PAGE, {"value": "false", "version": "1", "reason": "too many syncs"}, follow=True)
    assert response.redirect_chain == [(PAGE, 302)]
    assert "syncEnabled is false now" in response.content.decode()
    revision = FlagRevision.objects.get(key="syncEnabled", version=2)
    assert (revision.before, revision.after) == ({"value": True}, {"value": False})
    assert (revision.actor_name, revision.actor_kind, revision.reason) == ("Grace", "person", "too many syncs")


def test_it_tells_who_was_slower(founder: Client) -> None:
    flag_set(key="syncEnabled", value=False, expected_version=1, actor=ADA)
    response = founder.post(PAGE, {"value": "false", "version": "1"})
    assert response.status_code == 409
    assert "Somebody changed this flag while you were editing it" in response.content.decode()
    assert stored().version == 2


@pytest.mark.parametrize(
    ("key", "value", "mend"),
    [
        ("minIntervalSec", "0", "The least allowed is 1"),
        ("minIntervalSec", "soon", "An integer is digits"),
        ("minIntervalSec", "", "This field is required"),
        ("minIntervalSec", "9" * 400, "An integer is digits"),
        ("syncEnabled", "maybe", "Select a valid choice"),
    ],
)
def test_it_says_beside_the_field_what_is_wrong(founder: Client, key: str, value: str, mend: str) -> None:
    response = founder.post(f"/flags/{key}/", {"value": value, "version": "1"})
    assert response.status_code == 422
    assert mend in response.content.decode()
    assert stored(key).version == 1


@pytest.mark.parametrize("form", [{}, {"version": "1"}, {"value": "false", "version": "x"}, {"value": "false"}])
def test_it_refuses_half_a_form(founder: Client, form: dict[str, str]) -> None:
    assert founder.post(PAGE, form).status_code == 422
    assert stored().version == 1


def test_it_kills_after_asking_and_restores(founder: Client) -> None:
    asked = founder.get(f"{PAGE}kill/").content.decode()
    assert "Kill syncEnabled?" in asked
    assert stored().killed is False
    assert founder.post(f"{PAGE}kill/", {"reason": ""}).status_code == 422
    assert founder.post(f"{PAGE}kill/", {"reason": "INC-12"}).status_code == 302
    assert stored().killed is True
    page = founder.get(PAGE).content.decode()
    assert "Restore syncEnabled" in page
    assert "Change it" not in page
    assert founder.post(PAGE, {"value": "false", "version": "2"}).status_code == 409
    assert founder.post(f"{PAGE}restore/", {"reason": "mended"}).status_code == 302
    assert stored().killed is False
    assert [r.action for r in FlagRevision.objects.filter(key="syncEnabled").order_by("version")] == [
        "defined",
        "killed",
        "restored",
    ]


def test_it_kills_nothing_without_a_safe_variant(founder: Client) -> None:
    assert "declares no safe variant" in founder.get("/flags/minIntervalSec/").content.decode()
    assert founder.post("/flags/minIntervalSec/kill/", {"reason": "x"}).status_code == 409


def test_it_lets_viewers_read_and_not_write() -> None:
    viewer = signed_in(a_viewer())
    for path in ("/flags/", PAGE):
        assert viewer.get(path).status_code == 200
    page = viewer.get(PAGE).content.decode()
    assert "Change it" not in page
    assert "Kill syncEnabled" not in page
    assert edit(viewer, "false") == 403
    assert viewer.get(f"{PAGE}kill/").status_code == 403
    assert viewer.post(f"{PAGE}kill/", {"reason": "x"}).status_code == 403
    assert viewer.post(reverse("admin:flags_flag_change", args=[stored().pk]), {"value": "false"}).status_code == 403
    assert stored().version == 1


def test_it_lets_engineers_write_outside_production_only() -> None:
    engineer = signed_in(an_engineer())
    assert edit(engineer, "false") == 403
    assert engineer.post(f"{PAGE}kill/", {"reason": "x"}).status_code == 403
    assert stored().version == 1
    staging = f"{PAGE}?environment=staging"
    assert edit(engineer, "false", version=0, path=staging) == 302
    assert Flag.objects.get(environment="staging").value is False
    assert engineer.post(f"{PAGE}remove/?environment=staging", {"reason": "over"}).status_code == 302
    assert not Flag.objects.filter(environment="staging").exists()


def test_it_sends_strangers_to_sign_in() -> None:
    for path in ("/flags/", PAGE, f"{PAGE}kill/"):
        response = Client().get(path)
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")


def test_it_sets_a_flag_apart_for_a_tenant(founder: Client) -> None:
    project = a_project()
    goal = founder.get(f"/flags/retryCap/apart/?tenant={project.tenant.slug}&environment=production")
    assert goal["Location"] == f"/flags/retryCap/?project={project.pk}"
    page = founder.get(goal["Location"]).content.decode()
    assert "no value of its own" in page
    assert 'name="version" value="0"' in page
    assert edit(founder, "7", version=0, path=goal["Location"]) == 302
    assert Flag.objects.get(project_id=project.pk).value == 7
    assert edit(founder, "8", version=0, path=goal["Location"]) == 409, "somebody set it apart meanwhile"
    assert project.tenant.name in founder.get("/flags/retryCap/").content.decode()


def test_it_shows_that_a_kill_overrules_a_tenants_own_value(founder: Client) -> None:
    project = a_project()
    flag_override(key="syncEnabled", project_id=project.pk, environment="production", value=True, actor=ADA)
    flag_kill(key="syncEnabled", actor=ADA, reason="INC-12")
    page = founder.get(f"{PAGE}?project={project.pk}").content.decode()
    assert "a kill is stronger than a value of one" in page


@pytest.mark.parametrize(
    "path",
    [
        "/flags/nosuch/",
        "/flags/%00/",
        "/flags/%F0%9F%92%A5/",
        f"{PAGE}?project=99999",
        f"{PAGE}?project=-1",
        f"{PAGE}?project=9999999999999999999999",
        f"{PAGE}?environment=%00",
        f"{PAGE}kill/?environment=staging",
        f"{PAGE}explode/",
    ],
)
def test_it_answers_not_found_with_a_way_on(founder: Client, path: str) -> None:
    response = founder.get(path)
    assert response.status_code == 404
    assert b"<h1" in response.content


def test_it_needs_the_forms_token() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(a_founder())
    assert edit(strict, "false") == 403
    assert strict.delete(PAGE).status_code in (403, 405)
    assert stored().version == 1
