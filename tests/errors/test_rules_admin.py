"""Rules for classes and layers in the admin: founders write them, try them on what is stored, and then save."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from incidents.errors.models import ComponentRule, ExceptionRule
from incidents.errors.workflows import capture_rules, capture_rules_forget_recent
from incidents.errors.workflows.classifying import TRIED_ON
from readiness.infra.envelope import ErrorClass
from readiness.infra.transactions import atomic_write
from tests.factories import a_founder, a_project, a_user, an_incident

pytestmark = pytest.mark.django_db(transaction=False)
TYPES, PLACES = "/admin/errors/exceptionrule/", "/admin/errors/componentrule/"


@pytest.fixture
def founder(client: Client) -> Client:
    client.force_login(a_founder())
    return client


def a_type(**fields: str) -> dict[str, str]:
    return {"pattern": "Key*", "error_class": "infra.database", "tenant": "", "position": "100", "note": "",
            "active": "on", **fields}  # fmt: skip


def a_place(**fields: str) -> dict[str, str]:
    return {"pattern": "shop.*", "layer": "L3", "tenant": "", "position": "100", "note": "", "active": "on", **fields}


def a_type_rule(**fields: Any) -> ExceptionRule:
    with atomic_write():
        known = {"pattern": "Key*", "error_class": "infra.database", "project_id": 0, "position": 100}
        return ExceptionRule.objects.create(**{**known, **fields})


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_founder_writes_changes_and_deletes_a_rule(founder: Client, django_capture_on_commit_callbacks: Any) -> None:
    project = a_project()
    capture_rules_forget_recent()
    assert not capture_rules(project.pk).classes
    with django_capture_on_commit_callbacks(execute=True):
        given = a_type(tenant=project.tenant.slug, position="5", note="Theirs are cache misses")
        assert founder.post(f"{TYPES}add/", given).status_code == 302
    row = ExceptionRule.objects.get()
    assert (row.project_id, row.position, row.note) == (project.pk, 5, "Theirs are cache misses")
    found = capture_rules(project.pk).classes.of_type("KeyError")
    assert found is not None
    assert found.error_class == ErrorClass.INFRA_DATABASE
    page = founder.get(f"{TYPES}{row.pk}/change/").content.decode()
    assert f'value="{project.tenant.slug}"' in page
    with django_capture_on_commit_callbacks(execute=True):
        assert founder.post(f"{TYPES}{row.pk}/change/", a_type(pattern="Index*")).status_code == 302
    row.refresh_from_db()
    assert (row.project_id, row.pattern) == (0, "Index*")
    assert capture_rules(project.pk).classes.of_type("IndexError") is not None
    with django_capture_on_commit_callbacks(execute=True):
        assert founder.post(f"{TYPES}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ExceptionRule.objects.exists()
    assert not capture_rules(project.pk).classes
    assert LogEntry.objects.count() == 3


def test_a_founder_writes_a_component_rule(founder: Client) -> None:
    assert founder.post(f"{PLACES}add/", a_place()).status_code == 302
    assert str(ComponentRule.objects.get()) == "shop.* → L3"
    assert "every project" in founder.get(PLACES).content.decode()


@pytest.mark.parametrize("press", [{}, {"_try": "Try it"}])
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pattern": "a[b"}, "A [ is never closed; close it with ]"),
        ({"pattern": "a|b"}, "make one rule for each side of the |"),
        ({"pattern": ""}, "This field is required"),
        ({"error_class": "infra.weather"}, "Select a valid choice"),
        ({"position": "-1"}, "greater than or equal to 0"),
        ({"position": "1000001"}, "A position is a number from 0 to 1000000"),
        ({"tenant": "nobody"}, "There is no tenant nobody"),
    ],
)
def test_it_says_beside_the_field_why_a_rule_is_none(
    founder: Client, given: dict[str, str], said: str, press: dict[str, str]
) -> None:
    answer = founder.post(f"{TYPES}add/", {**a_type(**given), **press})
    assert answer.status_code == 200
    assert said in text_of(answer)
    assert not ExceptionRule.objects.exists()


def test_a_pair_that_no_error_can_follow_is_told(founder: Client) -> None:
    founder.post(f"{PLACES}add/", a_place(pattern="billing.*", layer="L4"))
    tried = text_of(founder.post(f"{TYPES}add/", {**a_type(), "_try": "Try it"}))
    assert "Not both can hold for one error: L4 may not emit infra.database: billing.* → L4" in tried
    saved = text_of(founder.post(f"{TYPES}add/", a_type(), follow=True))
    assert "Not both can hold for one error: L4 may not emit infra.database: billing.* → L4" in saved
    assert ExceptionRule.objects.exists()


def test_no_more_rules_than_there_is_room_for(founder: Client) -> None:
    with atomic_write():
        ExceptionRule.objects.bulk_create(
            ExceptionRule(pattern=f"E{number}", error_class="system.bug") for number in range(200)
        )
    answer = text_of(founder.post(f"{TYPES}add/", a_type()))
    assert "There are 200 active rules already" in answer
    assert founder.post(f"{TYPES}add/", a_type(active="")).status_code == 302


# --- trying -----------------------------------------------------------------------------------------------------------


def test_trying_a_rule_shows_what_would_change_and_saves_nothing(founder: Client) -> None:
    incident = an_incident()
    an_incident(tags={"error_class": "domain.policy"})
    answer = text_of(founder.post(f"{TYPES}add/", {**a_type(), "_try": "Try it"}))
    assert "Tried, not saved yet" in answer
    assert "1 of the 2 newest errors would change; 2 fit it." in answer
    assert "system.bug → infra.database, L4 → L6: 1 error" in answer
    assert f'href="/incidents/{incident.public_id}/"' in answer
    assert "1 carry their sender&#x27;s tag error_class, which decides" in answer
    assert 'value="Key*"' in answer
    assert "errornote" not in answer
    assert not ExceptionRule.objects.exists()
    assert not LogEntry.objects.exists()


def test_trying_a_component_rule(founder: Client) -> None:
    incident = an_incident()
    answer = text_of(founder.post(f"{PLACES}add/", {**a_place(), "_try": "Try it"}))
    assert "L4 → L3, system.bug as before: 1 error" in answer
    assert incident.public_id in answer


def test_a_rule_is_tried_in_its_position(founder: Client) -> None:
    an_incident()
    first = a_type_rule(error_class="infra.queue", position=10)
    late = text_of(founder.post(f"{TYPES}add/", {**a_type(position="20"), "_try": "Try it"}))
    assert "0 of the 1 newest errors would change; 1 fits it." in late
    assert "1 fit a rule before it: Key* → infra.queue" in late
    early = text_of(founder.post(f"{TYPES}add/", {**a_type(position="5"), "_try": "Try it"}))
    assert "infra.queue → infra.database, L6 as before: 1 error" in early
    # An edit of the saved rule itself: what it decided goes back where its pattern no longer fits.
    edit = {**a_type(pattern="Index*", error_class="infra.queue"), "_try": "Try it"}
    edited = text_of(founder.post(f"{TYPES}{first.pk}/change/", edit))
    assert "infra.queue → system.bug, L6 → L4: 1 error" in edited
    first.refresh_from_db()
    assert first.pattern == "Key*"


def test_a_tenants_rule_is_tried_on_the_tenants_errors_before_everybodys(founder: Client) -> None:
    mine, other = a_project(), a_project()
    an_incident(project_id=mine.pk)
    an_incident(project_id=other.pk)
    a_type_rule(error_class="infra.queue", position=1)
    given = {**a_type(tenant=mine.tenant.slug), "_try": "Try it"}
    answer = text_of(founder.post(f"{TYPES}add/", given))
    assert "1 of the 1 newest errors would change" in answer
    assert "infra.queue → infra.database, L6 as before: 1 error" in answer
    nobody = text_of(founder.post(f"{TYPES}add/", {**given, "tenant": a_project().tenant.slug}))
    assert "There is no stored error yet to try it on." in nobody


def test_trying_where_nothing_is_stored_or_nothing_fits_says_so(founder: Client) -> None:
    assert "There is no stored error yet" in text_of(founder.post(f"{TYPES}add/", {**a_type(), "_try": "Try it"}))
    an_incident()
    answer = text_of(founder.post(f"{TYPES}add/", {**a_type(pattern="Nothing"), "_try": "Try it"}))
    assert "None of the 1 newest errors fits it." in answer
    assert "Look at the spelling" in answer
    off = text_of(founder.post(f"{TYPES}add/", {**a_type(active=""), "_try": "Try it"}))
    assert "The rule is not active: this is what it would do if it were." in off


def test_what_a_trial_shows_of_an_error_is_escaped(founder: Client) -> None:
    hostile = {"values": [{"type": "KeyError", "value": "<script>alert(1)</script>"}]}
    an_incident(exception=hostile)
    answer = text_of(founder.post(f"{TYPES}add/", {**a_type(), "_try": "Try it"}))
    assert "&lt;script&gt;alert(1)" in answer
    assert "<script>alert" not in answer


def test_a_trial_costs_a_bounded_number_of_queries(founder: Client, django_assert_max_num_queries: Any) -> None:
    for _ in range(8):
        an_incident()
    with django_assert_max_num_queries(25):
        founder.post(f"{TYPES}add/", {**a_type(), "_try": "Try it"})
    assert TRIED_ON <= 500


@pytest.mark.parametrize("role", ["engineer", "viewer"])
def test_others_only_look(client: Client, role: str) -> None:
    rule = a_type_rule()
    client.force_login(a_user(role=role))
    assert client.get(TYPES).status_code == 200
    assert client.get(f"{TYPES}{rule.pk}/change/").status_code == 200
    assert client.get(f"{TYPES}add/").status_code == 403
    for press in ({}, {"_try": "Try it"}):
        assert client.post(f"{TYPES}{rule.pk}/change/", {**a_type(pattern="x"), **press}).status_code == 403
    assert client.post(f"{TYPES}{rule.pk}/delete/", {"post": "yes"}).status_code == 403
    assert ExceptionRule.objects.get().pattern == "Key*"
