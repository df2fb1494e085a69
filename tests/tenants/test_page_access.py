"""The decorators of pages, as signed-in people meet them."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import include, path

from readiness.tenants.access import actor_of, requires_role, writes_need_role
from tests.factories import a_founder, a_viewer, an_engineer

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@writes_need_role("founder", "engineer")
def notes(request: HttpRequest) -> HttpResponse:
    actor = actor_of(request)
    return HttpResponse(f"{request.method} by {actor.kind} {actor.name} {actor.id}")


@requires_role("founder")
def vault(request: HttpRequest) -> HttpResponse:
    return HttpResponse("gold")


urlpatterns = [path("notes/", notes), path("vault/", vault), path("", include("readiness.urls"))]


def test_everybody_reads_and_founders_and_engineers_write(client: Client) -> None:
    for person in (a_founder(), an_engineer(name="Grace"), a_viewer()):
        client.force_login(person)
        assert client.get("/notes/").content.decode() == f"GET by person {person} {person.pk}"
        assert client.post("/notes/").status_code == (403 if person.role == "viewer" else 200)


def test_a_viewer_who_writes_reads_why_not(client: Client) -> None:
    client.force_login(a_viewer())
    answer = client.post("/notes/")
    assert answer.status_code == 403
    assert "Only founders and engineers may do this, and you are signed in as viewer" in answer.content.decode()


def test_a_page_of_one_role_is_closed_to_the_others(client: Client) -> None:
    for person, status in ((a_founder(), 200), (an_engineer(), 403), (a_viewer(), 403)):
        client.force_login(person)
        assert client.get("/vault/").status_code == status


def test_nobody_is_led_to_the_sign_in_page(client: Client) -> None:
    for url in ("/notes/", "/vault/"):
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer["Location"] == f"/login/?next={url}"


def test_somebody_deactivated_is_out_at_once(client: Client) -> None:
    person = a_founder(is_active=False)
    client.force_login(person)
    assert client.get("/vault/").status_code == 302
