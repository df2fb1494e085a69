"""GET /ops/incidents/infra-summary (requirements 164-170)."""

import pytest
from django.test import Client

from tests.factories import an_api_key, an_incident

pytestmark = pytest.mark.django_db


def get(query: str = "", key: str | None = None):  # type: ignore[no-untyped-def]
    headers = {"Authorization": f"Bearer {key or an_api_key('ops:read').key}"}
    return Client(raise_request_exception=False).get(f"/ops/incidents/infra-summary{query}", headers=headers)


def test_it_counts_by_severity_and_leaves_samples_out() -> None:
    incident = an_incident(message="real", exception=None)
    an_incident(message="sample", exception=None, synthetic=True)
    body = get("?hours=24").json()
    assert body["total_incidents"] == 1
    assert list(body["by_severity"]) == ["urgent", "action", "attention", "info"]
    assert body["by_severity"]["attention"] == 1
    assert body["recent_incidents"][0]["id"] == incident.public_id
    assert body["window_start"].endswith("Z")


@pytest.mark.parametrize("hours", ["0", "-1", "x", "99999999", "", "1e3", "0000019999999999", "000001" + "9" * 5_000])
def test_it_names_a_bad_window(hours: str) -> None:
    answer = get(f"?hours={hours}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/hours"


def test_it_is_the_founders() -> None:
    assert get(key=an_api_key("errors:write").key).status_code == 403
    assert Client().get("/ops/incidents/infra-summary").status_code == 401


def test_it_asks_for_one_component_and_from_a_severity_on() -> None:
    an_incident(message="loud", exception=None, incident={"component": "billing", "ops_severity": "action"})
    an_incident(message="quiet", exception=None, incident={"component": "billing", "ops_severity": "info"})
    an_incident(message="elsewhere", exception=None, incident={"component": "shop", "ops_severity": "urgent"})
    body = get("?component=billing&min_severity=attention").json()
    assert (body["total_incidents"], body["by_severity"]["action"], body["by_severity"]["info"]) == (1, 1, 0)
    assert [item["title"] for item in body["recent_incidents"]] == ["loud"]
    assert get("?component=billing").json()["total_incidents"] == 2


@pytest.mark.parametrize(
    ("query", "pointer"),
    [("?min_severity=loud", "/min_severity"), ("?component=", "/component"), ("?hour=48", "/hour")],
)
def test_it_names_a_bad_parameter(query: str, pointer: str) -> None:
    answer = get(query)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer
