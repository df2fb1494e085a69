"""Changing one's own password."""

import pytest
from django.test import Client

from readiness.tenants.models import User
from tests.factories import PASSWORD, a_viewer

pytestmark = pytest.mark.django_db
NEW = "another staple, horse"


def change(client: Client, *, old: str = PASSWORD, new: str = NEW, again: str | None = None):  # type: ignore[no-untyped-def]
    return client.post("/password/", {"old_password": old, "new_password1": new, "new_password2": again or new})


def test_it_changes_the_password_and_keeps_this_session_only(client: Client) -> None:
    person = a_viewer()
    elsewhere = Client()
    for browser in (client, elsewhere):
        browser.force_login(person)
    assert change(client).status_code == 302
    assert User.objects.get(pk=person.pk).check_password(NEW)
    assert client.get("/password/").status_code == 200
    assert elsewhere.get("/password/").status_code == 302


@pytest.mark.parametrize(
    ("old", "new", "again"), [("wrong", NEW, NEW), (PASSWORD, NEW, "differs"), (PASSWORD, "short", "short")]
)
def test_it_refuses_and_changes_nothing(client: Client, old: str, new: str, again: str) -> None:
    person = a_viewer()
    client.force_login(person)
    assert change(client, old=old, new=new, again=again).status_code == 422
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)


def test_the_admins_own_password_page_leads_to_ours(client: Client) -> None:
    client.force_login(a_viewer())
    assert client.get("/admin/password_change/")["Location"] == "/password/"


def test_it_is_for_people_who_are_signed_in(client: Client) -> None:
    assert client.get("/password/")["Location"] == "/login/?next=/password/"
