"""The list page: filters, samples, and a cost that does not grow."""

import re
from datetime import timedelta

import pytest
from django.test import Client

from incidents.errors.workflows import errors_commit
from readiness.infra.clock import utcnow
from readiness.tenants.models import User
from tests.factories import a_captured_error, a_control, a_viewer, an_incident

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(a_viewer())
    return client


def test_it_asks_strangers_to_sign_in() -> None:
    assert Client().get("/incidents/").status_code == 302


def test_an_empty_list_teaches_the_next_command(reader: Client) -> None:
    assert "onboard_tenant" in reader.get("/incidents/").content.decode()


def test_it_lists_open_incidents_and_filters(reader: Client) -> None:
    an_incident(message="open one", exception=None)
    an_incident(message="closed one", exception=None, incident={"status": "closed"})
    page = reader.get("/incidents/").content.decode()
    assert "open one" in page
    assert "closed one" not in page
    assert "closed one" in reader.get("/incidents/?state=resolved").content.decode()
    assert "closed one" in reader.get("/incidents/?state=all&q=closed").content.decode()
    assert "open one" not in reader.get("/incidents/?state=all&q=closed").content.decode()


def test_it_shows_what_needs_a_person_first(reader: Client) -> None:
    now = utcnow()
    facts = {
        "resting": {"priority": "P0", "acknowledged_at": now, "status": "acknowledged"},
        "minor": {"priority": "P3"},
        "burning": {"priority": "P0"},
        "older": {"priority": "P0", "detected_at": now - timedelta(hours=1)},
    }
    for name, incident in facts.items():
        an_incident(message=f"{name} thing", exception=None, incident=incident)
    page = reader.get("/incidents/").content.decode()
    assert re.findall(r"(\w+) thing</a>", page) == ["burning", "older", "resting", "minor"]
    assert "not taken in time" in page
    assert re.findall(r"(\w+) thing</a>", reader.get("/incidents/?overdue=yes").content.decode()) == ["older"]
    page = reader.get("/incidents/?sort=seen").content.decode()
    assert re.findall(r"(\w+) thing</a>", page) == ["older", "burning", "minor", "resting"]


def test_it_filters_by_owner_class_component_project_and_snooze(reader: Client) -> None:
    me = User.objects.get(role="viewer")
    an_incident(message="mine thing", exception=None, incident={"owner": "Me", "owner_id": me.pk})
    an_incident(message="asleep thing", exception=None, incident={"snoozed_at": utcnow()})
    an_incident(
        message="other thing", exception=None, project_id=4242, incident={"component": "Pay", "owner": "Somebody"}
    )  # fmt: skip

    def shown(query: str) -> set[str]:
        return set(re.findall(r"(\w+) thing</a>", reader.get(f"/incidents/{query}").content.decode()))

    assert shown("") == {"mine", "other"}
    assert shown("?owner=mine") == {"mine"}
    assert shown("?owner=nobody&snoozed=all") == {"asleep"}
    assert shown("?snoozed=only") == {"asleep"}
    assert shown("?component=pay") == {"other"}
    assert shown("?error_class=system.security") == set()
    assert shown("?state=detected&snoozed=all") == {"mine", "asleep", "other"}


def test_it_flags_what_was_diagnosed_and_has_no_control(reader: Client) -> None:
    an_incident()
    assert "will happen again" not in reader.get("/incidents/").content.decode()
    diagnosed = an_incident(incident={"diagnosed_at": utcnow(), "status": "diagnosed"})
    assert reader.get("/incidents/").content.decode().count("will happen again") == 1
    a_control(incident=diagnosed)
    assert "will happen again" not in reader.get("/incidents/").content.decode()


def test_no_clock_runs_for_what_is_over(reader: Client) -> None:
    an_incident(incident={"status": "prevented", "prevented_at": utcnow(), "detected_at": utcnow() - timedelta(days=1)})
    page = reader.get("/incidents/?state=all").content.decode()
    assert "not diagnosed" in page
    assert "over 15 min" not in page


@pytest.mark.parametrize(
    "query",
    [
        "?state=nonsense",
        "?page=-1",
        "?page=x",
        "?priority=P7",
        "?q=%00",
        "?q=INC-99999999999999999999",
        "?owner=x&project=-1",
    ],
)
def test_it_answers_nonsense_with_a_page(reader: Client, query: str) -> None:
    assert reader.get(f"/incidents/{query}").status_code == 200


def test_hostile_titles_are_text(reader: Client) -> None:
    an_incident(message="<script>alert(1)</script>", exception=None)
    assert "<script>alert(1)" not in reader.get("/incidents/").content.decode()


def test_its_queries_do_not_grow_with_its_rows(reader: Client, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    errors_commit(errors=[a_captured_error(message=f"kind {chr(97 + n)}", exception=None) for n in range(20)])
    with django_assert_max_num_queries(10):
        reader.get("/incidents/")
