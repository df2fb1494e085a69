"""POST /v1/errors: one envelope, an array or NDJSON; each accepted or refused by name."""

import json
from typing import Any

import pytest

from incidents.errors.models import ErrorEvent
from tests.errors.conftest import NativeDoor
from tests.factories import an_api_key


def an_envelope(**fields: Any) -> dict[str, Any]:
    return {
        "layer": "L4",
        "component": "billing.engine",
        "error_class": "domain.budget_exceeded",
        "severity": "ERROR",
        "message": "Budget exhausted for run",
        **fields,
    }


def test_it_accepts_one_envelope(native: NativeDoor) -> None:
    answer = native.post(an_envelope(run_id="run-1", context={"left": 0}))
    assert answer.status_code == 201
    accepted = answer.json()["accepted"][0]
    assert accepted["error_id"].startswith("err_")
    assert len(accepted["error_id"]) == 16
    assert accepted["incident"].startswith("INC-")
    assert ErrorEvent.objects.get().run_id == "run-1"


def test_it_accepts_an_array_and_ndjson(native: NativeDoor) -> None:
    assert native.post([an_envelope(), an_envelope()]).status_code == 201
    lines = "\n".join(json.dumps(an_envelope(message=f"failed {n}")) for n in range(3))
    assert native.post(lines, content_type="application/x-ndjson").status_code == 201
    assert ErrorEvent.objects.count() == 5


def test_it_names_each_bad_field_and_keeps_the_good(native: NativeDoor) -> None:
    answer = native.post([an_envelope(), an_envelope(layer="L9", severity="LOUD"), "no object"])
    assert answer.status_code == 200
    body = answer.json()
    assert [entry["index"] for entry in body["accepted"]] == [0]
    assert [entry["index"] for entry in body["rejected"]] == [1, 2]
    assert {error["pointer"] for error in body["rejected"][0]["errors"]} == {"/layer", "/severity"}


def test_it_answers_422_when_all_are_rejected(native: NativeDoor) -> None:
    answer = native.post(an_envelope(component=""))
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == "/0/component"
    assert answer.json()["accepted"] == []


def test_it_keeps_the_lockdown_of_layers(native: NativeDoor) -> None:
    answer = native.post(an_envelope(layer="L2"))
    assert answer.status_code == 422
    assert "L2 may not emit domain.budget_exceeded" in answer.content.decode()


def test_it_hashes_the_input_and_never_stores_it(native: NativeDoor) -> None:
    native.post(an_envelope(input={"iban": "secret-input-value"}))
    event = ErrorEvent.objects.get()
    assert event.input_hash is not None
    assert len(event.input_hash) == 16
    assert "secret-input-value" not in str(vars(event))


def test_it_honours_the_idempotency_key(native: NativeDoor) -> None:
    first = native.post(an_envelope(), **{"Idempotency-Key": '"k-1"'})
    again = native.post(an_envelope(), **{"Idempotency-Key": '"k-1"'})
    other = native.post(an_envelope(message="another"), **{"Idempotency-Key": '"k-1"'})
    assert again.json() == first.json()
    assert (again.status_code, other.status_code) == (201, 422)
    assert ErrorEvent.objects.count() == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"[" * 5_000, b'"text"'])
def test_it_refuses_what_is_no_envelope(native: NativeDoor, body: bytes) -> None:
    answer = native.post(body)
    assert answer.status_code in (400, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_it_refuses_more_than_a_thousand(native: NativeDoor) -> None:
    assert native.post([an_envelope()] * 1_001).status_code == 400
    assert ErrorEvent.objects.count() == 0


def test_it_refuses_other_methods_keys_and_scopes(native: NativeDoor) -> None:
    assert native.client.get("/v1/errors").status_code == 405
    assert native.client.post("/v1/errors", data="{}", content_type="application/json").status_code == 401
    native.key = an_api_key("ops:read").key
    wrong = native.post(an_envelope())
    assert wrong.status_code == 403
    assert "errors:write" in wrong.json()["detail"]
