"""POST /v1/controls/<key>/runs and GET /ops/incidents/INC-12, to the letter of INTERFACES.md."""

import json
from typing import Any

import pytest
from django.test import Client

from incidents.lessons.models import Control, ControlRun
from incidents.lessons.workflows import lesson_write, root_cause_write
from readiness.infra.clock import isoz, utcnow
from tests.factories import ANYBODY, BROKEN, FIXED, a_control, a_project, a_proven_control, an_api_key, an_incident

pytestmark = pytest.mark.django_db


def body(**changes: Any) -> dict[str, Any]:
    return {
        "outcome": "failed", "commit": BROKEN, "on_main": False, "command": "pytest tests/test_budget.py",
        "checks": [{"id": "tests/test_budget.py::test_refuses", "outcome": changes.get("outcome", "failed")}],
        "output_sha256": "a" * 64, "finished_at": isoz(utcnow()), **changes,
    }  # fmt: skip


def post(key: str, sent: object, *, token: str, **headers: str) -> Any:
    data = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    return Client().post(
        f"/v1/controls/{key}/runs", data, content_type="application/json",
        headers={"Authorization": f"Bearer {token}", **headers},
    )  # fmt: skip


@pytest.fixture
def token() -> str:
    return str(an_api_key("controls:write").key)


def test_it_records_red_then_green(token: str) -> None:
    control = a_control()
    root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=[BROKEN], actor=ANYBODY)
    red = post(control.public_id, body(), token=token)
    assert (red.status_code, red.json()["control"], red.json()["state"]) == (201, control.public_id, "failing_before")
    green = post(control.public_id, body(outcome="passed", commit=FIXED), token=token)
    assert green.json()["state"] == "proven"
    assert set(green.json()) == {"control", "state", "reason", "counts", "warnings"}
    assert (green.json()["counts"], green.json()["warnings"]) == (True, [])
    assert ControlRun.objects.latest("sequence").reporter == "ci"


def test_it_keeps_a_run_of_another_command_and_says_what_it_is_worth(token: str) -> None:
    control = a_control()
    root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=[BROKEN], actor=ANYBODY)
    quoted = post(control.public_id, body(command="pytest  'tests/test_budget.py'"), token=token).json()
    assert (quoted["counts"], quoted["warnings"]) == (True, [])
    other = body(command="make test", outcome="passed", commit=FIXED)
    first, again = (post(control.public_id, other, token=token, **{"Idempotency-Key": "k"}) for _ in range(2))
    assert (first.status_code, first.json()["state"], first.json()["counts"]) == (201, "failing_before", False)
    assert "another command than what failed, which was “pytest  'tests/test_budget.py'”" in first.json()["reason"]
    assert "“make test”, which is not this control's own command" in first.json()["warnings"][0]
    assert "counts for nothing" in first.json()["warnings"][0]
    assert again.json() == first.json()
    red = post(control.public_id, body(command="make test"), token=token).json()
    assert red["counts"] is True
    assert "It counts, for the red and the green have to be of one command" in red["warnings"][0]
    assert ControlRun.objects.count() == 3


def test_it_keeps_a_red_on_a_commit_that_nobody_named_until_somebody_does(token: str) -> None:
    control = a_control()
    written = root_cause_write(incident_id=control.incident_id, text="So.", broken_commits=["a" * 40], actor=ANYBODY)
    red = post(control.public_id, body(), token=token).json()
    assert (red["state"], red["counts"]) == ("unproven", False)
    assert "names aaaaaaaaaaaa as broken, not bbbbbbbbbbbb, so this failure is no red" in red["warnings"][0]
    assert "it counts as soon as the root cause names its commit too" in red["warnings"][0]
    root_cause_write(
        incident_id=control.incident_id, text="So.", broken_commits=["a" * 40, BROKEN], actor=ANYBODY,
        expected_revision=written.revision,
    )  # fmt: skip
    assert Control.objects.get().state == "failing_before"


def test_it_answers_a_retry_again(token: str) -> None:
    control, sent = a_control(), body()
    first, second = (post(control.public_id, sent, token=token, **{"Idempotency-Key": '"k"'}) for _ in range(2))
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert ControlRun.objects.count() == 1


@pytest.mark.parametrize("key", ["CTL-999999", "CTL-", "7x", "CTL-99999999999999999999", "INC-1"])
def test_it_knows_no_such_control(key: str, token: str) -> None:
    answer = post(key, body(), token=token)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


def test_it_names_bad_fields(token: str) -> None:
    answer = post(a_control().public_id, body(commit="main", checks="none"), token=token)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/commit", "/checks"]
    assert not ControlRun.objects.exists()


@pytest.mark.parametrize("sent", [b"", b"{", b"\xff", b"[" * 100_000, b'"\\ud800"'])
def test_it_refuses_what_is_no_json(sent: bytes, token: str) -> None:
    assert post(a_control().public_id, sent, token=token).status_code in (400, 422)


def test_it_refuses_a_huge_body(token: str) -> None:
    assert post(a_control().public_id, b" " * (1024 * 1024 + 1), token=token).status_code == 413


def test_it_needs_the_scope_and_the_method(token: str) -> None:
    control = a_control()
    assert post(control.public_id, body(), token="rk_none").status_code == 401
    assert post(control.public_id, body(), token=an_api_key("ops:read").key).status_code == 403
    assert Client().get(f"/v1/controls/{control.public_id}/runs").status_code == 405


def test_it_keeps_a_key_within_its_project() -> None:
    project = a_project()
    token = an_api_key("controls:write", tenant=project.tenant).key
    theirs = a_control(incident=an_incident(project_id=project.pk))
    other = a_control(incident=an_incident(project_id=a_project().pk))
    assert post(theirs.public_id, body(), token=token).status_code == 201
    assert post(other.public_id, body(), token=token).status_code == 404


# --- GET /ops/incidents/INC-12 --------------------------------------------------------------------------------------


def read(public_id: str, *, token: str) -> Any:
    return Client().get(f"/ops/incidents/{public_id}", headers={"X-API-Key": token})


def test_it_shows_an_incident_with_its_lessons_and_controls() -> None:
    incident = an_incident()
    control = a_proven_control(incident=incident)
    lesson_write(incident_id=incident.pk, believed="a", was_true="b", do_now="c", actor=ANYBODY)
    answer = read(incident.public_id, token=an_api_key("ops:read").key)
    shown = answer.json()
    assert answer.status_code == 200
    assert (shown["id"], shown["status"], shown["occurrences"]) == (incident.public_id, "diagnosed", 1)
    assert shown["diagnosis"]["state"] == "stopped"
    assert shown["diagnosis"]["target_seconds"] == 900
    assert shown["root_cause"]["broken_commits"] == [BROKEN]
    assert shown["lessons"][0]["do_now"] == "c"
    assert shown["will_happen_again"] is False
    assert read(an_incident().public_id, token=an_api_key("ops:read").key).json()["will_happen_again"] is True
    assert [(c["key"], c["kind"], c["state"]) for c in shown["controls"]] == [(control.public_id, "check", "proven")]
    assert shown["releases"] == ["shop@1.0.0"]
    assert shown["timeline"][0]["kind"] == "detected"
    assert "shop/orders.py" not in json.dumps(shown), "no frame of the error itself"
    assert not {"exception_chain", "context", "payload", "message"} & set(shown)


def test_it_shows_no_incident_of_another_project_and_none_unknown() -> None:
    mine = a_project()
    token = an_api_key("ops:read", tenant=mine.tenant).key
    assert read(an_incident(project_id=a_project().pk).public_id, token=token).status_code == 404
    assert read(an_incident(project_id=mine.pk).public_id, token=token).status_code == 200
    assert read("INC-999999", token=token).status_code == 404
    assert read("nonsense", token=token).status_code == 404
    assert Client().get("/ops/incidents/INC-1").status_code == 401
    assert Control.objects.count() == 0
