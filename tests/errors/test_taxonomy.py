"""/taxonomy/: which class an error is, and which layer may emit which; for everybody who is signed in."""

from typing import Any

import pytest
from django.test import Client

from readiness.infra.envelope import ALLOWED_FAMILIES, FAMILIES, LAYERS, ErrorClass
from tests.factories import a_founder, a_user, an_incident

pytestmark = [pytest.mark.django_db, pytest.mark.once]
PAGE = "/taxonomy/"


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_each_class_has_one_line_of_its_own_and_a_family_with_a_meaning() -> None:
    lines = [one.when for one in ErrorClass]
    assert len(set(lines)) == len(lines)
    for one in ErrorClass:
        assert 20 <= len(one.when) <= 100
        assert one.when.endswith(".")
        assert one.family in FAMILIES


@pytest.mark.parametrize("role", ["founder", "engineer", "viewer"])
def test_everybody_who_is_signed_in_reads_all_of_it(client: Client, role: str) -> None:
    client.force_login(a_user(role=role))
    answer = client.get(PAGE)
    assert answer.status_code == 200
    page = text_of(answer)
    for one in ErrorClass:
        assert f'<tr id="{one.value}">' in page
        assert one.when in page.replace("&#x27;", "'")
    may = sum(len(allowed) for allowed in ALLOWED_FAMILIES.values())
    assert page.count(">may</span>") == may
    assert page.count(">may not</span>") == len(LAYERS) * len(FAMILIES) - may
    assert "No error in the last 7 days." in page


def test_nobody_else_does(client: Client) -> None:
    assert client.get(PAGE).status_code == 302
    client.force_login(a_founder())
    assert client.post(PAGE).status_code == 405


def test_it_counts_the_last_days_and_what_is_unclassified(client: Client, django_assert_max_num_queries: Any) -> None:
    an_incident()
    an_incident(exception={"values": [{"type": "Odd", "value": "x"}]})
    client.force_login(a_founder())
    with django_assert_max_num_queries(12):
        page = text_of(client.get(PAGE))
    assert "1 of 2 errors in the last 7 days came out unclassified: a rule is missing for it." in page


def test_an_incident_leads_to_its_class_and_the_rules_to_the_page(client: Client) -> None:
    incident = an_incident()
    client.force_login(a_founder())
    page = client.get(f"/incidents/{incident.public_id}/").content.decode()
    assert f'<a href="/taxonomy/#{incident.error_class}">{incident.error_class}</a>' in page
    for kind in ("exceptionrule", "componentrule"):
        assert 'href="/taxonomy/"' in client.get(f"/admin/errors/{kind}/").content.decode()
        assert 'href="/taxonomy/"' in client.get(f"/admin/errors/{kind}/add/").content.decode()
        assert f'href="/admin/errors/{kind}/"' in client.get(PAGE).content.decode()
