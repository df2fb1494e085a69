"""GET /ops/verdicts/<program>: INTERFACES' shape, for keys with ops:read only."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from readiness.programs.workflows import verdict_evaluate
from tests.factories import a_draft, a_program, a_project, an_api_key
from tests.programs.test_words import rate

pytestmark = pytest.mark.django_db
URL = "/ops/verdicts/phase-1-exit"


@pytest.fixture
def headers() -> dict[str, str]:
    return {"Authorization": f"Bearer {an_api_key('ops:read').key}"}


def test_it_answers_the_verdict_in_the_shape_of_interfaces(client: Client, headers: dict[str, str]) -> None:
    a_program()
    answer = client.get(URL, headers=headers)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    body: dict[str, Any] = answer.json()
    assert {key: body[key] for key in ("program", "verdict", "score", "threshold", "gap", "next_review")} == {
        "program": "phase-1-exit",
        "verdict": "NO-GO",
        "score": "68.75",
        "threshold": "80.00",
        "gap": "11.25",
        "next_review": "2026-02-23",
    }
    assert [(b["kind"], b["ref"]) for b in body["blockers"]] == [
        ("score", "rubric"),
        ("gate", "G5"),
        ("gate", "G6"),
        ("gate", "G7"),
    ]
    assert all(b["text"] for b in body["blockers"])
    assert body["gates"][0]["status"] == "PASS"
    assert {"title", "url", "collected_at", "fresh"} <= set(body["gates"][0]["evidence"][0])
    assert body["gates"][0]["evidence"][1]["collected_at"] == "2026-02-19T12:00:00Z"
    assert (body["gates"][6]["status"], body["gates"][6]["note"]) == ("IN_PROGRESS", "waits for G5")
    first = body["rubric"][0]
    assert (first["category"], first["weight"], first["score"], first["points"]) == (
        "Measurement Completeness",
        20,
        3,
        "15.00",
    )
    assert [
        (u["category"], u["from"], u["to"], u["points"], u["requirement"], u["status"]) for u in body["uplift"]
    ] == [
        (
            "Measurement Completeness",
            3,
            4,
            "5.00",
            "Dashboards and alerting for all instrumented SLOs",
            "Infrastructure ready; dashboards not yet built",
        ),
        (
            "Reliability Outcomes",
            2,
            3,
            "6.25",
            "Complete 7-day SLO validation window with no Sev-1",
            "Can now start; requires 7 days of production data",
        ),
    ]
    assert body["evaluated_at"].endswith("Z")
    assert body["as_of"] == "2026-02-19"


def test_it_costs_the_same_however_much_is_recorded(
    client: Client, headers: dict[str, str], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    a_program()
    for score in (3, 2, 3, 2, 3):
        rate("reliability", score, new=a_draft(f"Run {score}"))
    client.get(URL, headers=headers)
    with django_assert_num_queries(2):  # the program, the newest words and scores
        verdict_evaluate(slug="phase-1-exit")


def test_unknown_programs_keys_scopes_and_methods_are_refused(client: Client, headers: dict[str, str]) -> None:
    a_program()
    assert client.get("/ops/verdicts/other", headers=headers).status_code == 404
    assert client.get("/ops/verdicts/other", headers=headers)["Content-Type"] == "application/problem+json"
    assert client.get(URL).status_code == 401
    wrong = {"Authorization": f"Bearer {an_api_key('evidence:write').key}"}
    assert client.get(URL, headers=wrong).status_code == 403
    assert client.post(URL, headers=headers).status_code == 405


def test_a_tenants_key_does_not_see_the_installations_programs(client: Client) -> None:
    a_program()
    key = an_api_key("ops:read", tenant=a_project().tenant).key
    assert client.get(URL, headers={"Authorization": f"Bearer {key}"}).status_code == 404
