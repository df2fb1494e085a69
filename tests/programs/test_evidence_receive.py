"""POST /v1/evidence: JSON and JUnit from a pipeline, attached to the criterion that it names."""

import hashlib
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from readiness.infra.clock import isoz, utcnow
from readiness.infra.refusals import Invalid, Malformed
from readiness.programs.ingest import MAX_BYTES
from readiness.programs.models import Attestation, Evidence, Verdict
from readiness.programs.services.evidence_body import evidence_json_read
from readiness.programs.services.program_file import program_read
from readiness.programs.workflows import program_import, verdict_evaluate
from tests.factories import ANYBODY, a_project, an_api_key
from tests.programs.test_junit import CASES

pytestmark = pytest.mark.django_db
PILOT = b"""\
program: pilot
kind: go
title: Pilot entry
gates:
  - key: E-CODE
    title: Code quality
    criteria:
      - {key: E-CODE-2, asks: All tests pass}
      - {key: E-CODE-3, asks: Coverage is at least 45 % on critical paths, value: at_least, threshold: 45, unit: "%"}
  - {key: E-OBS, title: Observability, asks: Dashboards are configured}
"""


@pytest.fixture(autouse=True)
def pilot() -> None:
    program_import(definition=program_read(name="x", raw=PILOT).definition, actor=ANYBODY)


@pytest.fixture
def key() -> str:
    return an_api_key("evidence:write").key


def send(key: str, body: Any, *, content_type: str = "application/json", query: str = "") -> HttpResponse:
    data = body if isinstance(body, (str, bytes)) else json.dumps(body)
    headers = {"Authorization": f"Bearer {key}"}
    return Client().post(f"/v1/evidence{query}", data, content_type=content_type, headers=headers)  # type: ignore[return-value]


def coverage(value: str | None = "87.5", **fields: Any) -> dict[str, Any]:
    known = {"kind": "coverage", "value": value, "unit": "%", "program": "pilot", "ref": "E-CODE-3"}
    return {**known, "commit": "a" * 40, "collected_at": isoz(utcnow()), **fields}


def junit(*cases: str) -> bytes:
    return f"<testsuite>{''.join(CASES[case] for case in cases)}</testsuite>".encode()


def status(gate: str = "E-CODE") -> str:
    gates = verdict_evaluate(slug="pilot").evaluation.gates
    return next(g.status.value for g in gates if g.key == gate)


def criterion(key: str) -> str:
    gates = verdict_evaluate(slug="pilot").evaluation.gates
    return next(c.status.value for g in gates for c in g.criteria if c.key == key)


def test_it_answers_the_id_and_the_hash_of_what_came(key: str) -> None:
    raw = json.dumps(coverage())
    answer = send(key, raw)
    row = Evidence.objects.get()
    assert answer.status_code == 201
    assert json.loads(answer.content) == {
        "evidence": f"EV-{row.pk}",
        "sha256": hashlib.sha256(raw.encode()).hexdigest(),
    }
    assert (row.title, row.actor_kind, row.actor_name, row.commit) == ("coverage 87.5 %", "key", "ci", "a" * 40)


def test_a_value_is_held_against_the_threshold(key: str) -> None:
    send(key, coverage("45"))
    assert criterion("E-CODE-3") == "met"
    send(key, coverage("44.9"))
    assert criterion("E-CODE-3") == "failed"
    assert status() == "FAIL"
    assert Verdict.objects.latest("sequence").cause.endswith("for E-CODE-3")


def test_junit_decides_by_its_test_cases(key: str) -> None:
    query = "?kind=tests&commit=abc123&program=pilot&ref=E-CODE-2"
    for cases, expected in (
        (("passed", "skipped"), "met"),
        (("passed", "failed"), "failed"),
        (("skipped",), "unmet"),
        ((), "unmet"),
        (("passed",), "met"),
    ):
        answer = send(key, junit(*cases), content_type="application/xml", query=query)
        assert answer.status_code == 201
        assert criterion("E-CODE-2") == expected
    row = Evidence.objects.latest("pk")
    assert (row.kind, row.commit, row.outcome, row.title) == ("tests", "abc123", "passed", "tests: 1 of 1 passed")


def test_a_whole_verdict_can_come_from_pipelines(key: str) -> None:
    send(key, coverage())
    send(key, junit("passed"), content_type="application/xml", query="?program=pilot&ref=E-CODE-2")
    send(key, coverage(kind="dashboard", value=None, unit="", ref="E-OBS", outcome="passed"))
    assert verdict_evaluate(slug="pilot").evaluation.verdict == "GO"


@pytest.mark.parametrize("value", ["123456789.123456", "999999999999999", "-0.000001", "0"])
def test_a_value_comes_back_as_it_went_in(key: str, value: str) -> None:
    send(key, coverage(value))
    assert Evidence.objects.get().value == Decimal(value)


def test_evidence_without_an_outcome_passes_nothing_by_itself(key: str) -> None:
    send(key, coverage(kind="dashboard", value=None, unit="", ref="E-OBS"))
    assert status("E-OBS") == "IN_PROGRESS"


def test_stale_evidence_passes_nothing(key: str) -> None:
    now = utcnow()
    old, until = isoz(now - timedelta(days=2)), isoz(now - timedelta(days=1))
    assert send(key, coverage(collected_at=old, valid_until=until)).status_code == 201
    assert criterion("E-CODE-3") == "stale"


def test_the_same_bytes_sent_again_are_the_same_evidence(key: str) -> None:
    raw = json.dumps(coverage())
    first, again = json.loads(send(key, raw).content), json.loads(send(key, raw).content)
    assert again == {**first, "repeated": True}
    assert (Evidence.objects.count(), Attestation.objects.count()) == (1, 1)
    xml = junit("passed")
    ids = [
        json.loads(send(key, xml, content_type="text/xml", query=f"?commit={commit}").content)["evidence"]
        for commit in ("a1", "a1", "b2")
    ]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"collected_at": isoz(utcnow() + timedelta(hours=1))}, "/collected_at"),
        ({"collected_at": "yesterday"}, "/collected_at"),
        ({"collected_at": "2026-02-19T12:00:00"}, "/collected_at"),
        ({"collected_at": None}, "/collected_at"),
        ({"valid_until": "2001-01-01T00:00:00Z"}, "/collected_at"),
        ({"kind": ""}, "/kind"),
        ({"kind": None}, "/kind"),
        ({"kind": "Not A Kind"}, "/kind"),
        ({"value": "NaN"}, "/value"),
        ({"value": "1e400"}, "/value"),
        ({"value": True}, "/value"),
        ({"value": "1234567890123456"}, "/value"),
        ({"value": "1234567890.123456"}, "/value"),
        ({"value": "0.1234567"}, "/value"),
        ({"outcome": "maybe"}, "/outcome"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"commit": "a b"}, "/commit"),
        ({"note": "x" * 1001}, "/note"),
        ({"note": 7}, "/note"),
        ({"note": "a\x00b"}, "/note"),
        ({"program": "other"}, "/program"),
        ({"program": None}, "/program"),
        ({"ref": "E-CODE"}, "/ref"),
        ({"ref": "E-NOPE"}, "/ref"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_written(key: str, fields: dict[str, Any], pointer: str) -> None:
    answer = send(key, coverage(**fields))
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert pointer in [error["pointer"] for error in json.loads(answer.content)["errors"]]
    assert not Evidence.objects.exists()


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"", "application/json", 400),
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>', "application/xml", 400),
        (b"<html/>", "application/xml", 400),
        (b"kind=coverage", "application/x-www-form-urlencoded", 415),
        (b" " * (MAX_BYTES + 1), "application/json", 413),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(key: str, body: bytes, content_type: str, status: int) -> None:
    answer = send(key, body, content_type=content_type)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert not Evidence.objects.exists()


def test_a_compressed_body_is_refused(key: str) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Encoding": "gzip"}
    assert Client().post("/v1/evidence", b"x", content_type="application/json", headers=headers).status_code == 415


def test_it_needs_a_key_with_the_scope(key: str) -> None:
    assert Client().post("/v1/evidence", "{}", content_type="application/json").status_code == 401
    assert send(an_api_key("ops:read").key, coverage()).status_code == 403
    assert Client().get("/v1/evidence", headers={"Authorization": f"Bearer {key}"}).status_code == 405


def test_a_tenants_key_reaches_its_own_project_only() -> None:
    project = a_project()
    key = an_api_key("evidence:write", tenant=project.tenant).key
    assert send(key, coverage()).status_code == 422
    assert send(key, coverage(program=None, ref=None)).status_code == 201
    assert Evidence.objects.get().project_id == project.pk


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    raw = json.dumps(value).encode()
    with pytest.raises((Invalid, Malformed)):
        evidence_json_read(raw)
