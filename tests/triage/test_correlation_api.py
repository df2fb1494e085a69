"""GET /ops/correlations/<id>: what happened together, in order, across components (22-25, 143)."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from incidents.errors.models import ErrorEvent
from incidents.errors.store.correlated import errors_correlated
from incidents.errors.workflows import errors_commit
from incidents.triage import api
from incidents.triage.models import Incident
from incidents.triage.workflows import correlation_read, correlations
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import Tenant
from tests.factories import a_captured_error, a_project, a_tenant, a_viewer, an_api_key
from tests.triage.conftest import HEADER, PROJECT, TRACE

pytestmark = pytest.mark.django_db
EVERY_SOURCE = 12  # queries: one a source, the errors' incidents, and the key
Fill = Callable[[], Incident]


@pytest.fixture
def reader() -> Client:
    client = Client()
    client.force_login(a_viewer())
    return client


def get(asked: str = TRACE, *, tenant: Tenant | None = None) -> Any:
    key = an_api_key("ops:read", tenant=tenant).key
    return Client(raise_request_exception=False).get(
        f"/ops/correlations/{asked}", headers={"Authorization": f"Bearer {key}"}
    )


def test_it_tells_everything_in_order(trace_everywhere: Fill) -> None:
    incident = trace_everywhere()
    answer = get()
    assert answer.status_code == 200
    body = answer.json()
    assert list(body)[:5] == ["correlation_id", "started_at", "ended_at", "components", "events"]
    assert body["correlation_id"] == TRACE
    assert body["truncated"] is False
    events = body["events"]
    assert [event["offset_ms"] for event in events] == sorted(event["offset_ms"] for event in events)
    assert events[0]["offset_ms"] == 0
    assert {event["kind"] for event in events} == {
        "error", "span", "report", "incident", "outbox", "job", "control", "flag", "evidence", "verdict",
    }  # fmt: skip
    assert set(body["components"]) == {event["component"] for event in events}
    by_kind = {event["kind"]: event for event in events}
    assert set(by_kind["error"]) >= {
        "at", "offset_ms", "kind", "component", "layer", "severity", "title", "ref", "incident",
    }  # fmt: skip
    assert by_kind["error"]["incident"] == incident.public_id
    assert by_kind["error"]["title"] == "KeyError: 'total'"
    assert by_kind["incident"]["ref"] == incident.public_id
    assert by_kind["span"]["severity"] == "attention"
    assert by_kind["span"]["duration_ms"] == 2
    assert body["totals"] == {
        "spans": 2, "errors": 1, "incidents": 1, "reports": 1, "flags": 1, "outbox": 1, "job runs": 1,
        "control runs": 1, "evidence": 1, "verdicts": 1,
    }  # fmt: skip
    assert events[0]["at"].endswith("Z")
    assert "payload" not in answer.content.decode()


@pytest.mark.parametrize("asked", [HEADER, TRACE.upper()])
def test_it_takes_the_id_as_people_have_it(trace_everywhere: Fill, asked: str) -> None:
    trace_everywhere()
    assert get(asked).json()["correlation_id"] == TRACE


def test_a_tenants_key_sees_its_own_project_only() -> None:
    mine, other = a_tenant(), a_tenant()
    for tenant in (mine, other):
        project = a_project(tenant=tenant)
        sent = {"contexts": {"trace": {"trace_id": TRACE}}, "message": tenant.slug, "exception": None}
        errors_commit(errors=[a_captured_error(project_id=project.pk, **sent)])
    assert {event["title"] for event in get().json()["events"] if event["kind"] == "error"} == {mine.slug, other.slug}
    seen = get(tenant=mine)
    assert other.slug not in seen.content.decode()
    assert seen.json()["totals"] == {"errors": 1, "incidents": 1}
    stranger = a_tenant()
    a_project(tenant=stranger)
    assert get(tenant=stranger).status_code == 404


def test_an_unknown_id_says_what_to_compare() -> None:
    answer = get("f" * 32)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"
    assert "X-Correlation-Id" in answer.json()["detail"]


@pytest.mark.parametrize("asked", ["x" * 65, "a%00b", "%20"])
def test_what_is_no_id_is_refused(asked: str) -> None:
    assert get(asked).status_code == 422


def test_it_is_read_only_and_the_founders(trace_everywhere: Fill) -> None:
    path = f"/ops/correlations/{TRACE}"
    assert Client().get(path).status_code == 401
    wrong = {"Authorization": f"Bearer {an_api_key('errors:write').key}"}
    assert Client().get(path, headers=wrong).status_code == 403
    assert Client().post(path, headers=wrong).status_code == 405


def test_it_is_paged_in_order_whatever_the_sources(trace_everywhere: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (api, correlations):
        monkeypatch.setattr(module, "PAGE", 4)
    began = int(time.time()) - 60
    sent = {"contexts": {"trace": {"trace_id": TRACE}}, "fingerprint": ["one"]}
    errors_commit(errors=[a_captured_error(timestamp=began + number, **sent) for number in range(9)])
    trace_everywhere()
    whole = correlation_read(asked=TRACE, page=10).events
    path, refs = f"/ops/correlations/{TRACE}", []
    while path:
        body = get(path.removeprefix("/ops/correlations/")).json()
        assert body["truncated"] is (body["next"] is not None)
        assert len(body["events"]) == 4 or body["next"] is None
        assert body["totals"]["errors"] == 10
        refs += [(event["ref"], event["title"]) for event in body["events"]]
        path = body["next"]
    assert refs == [(event.ref, event.title) for event in whole]


@pytest.mark.parametrize("page", ["0", "21", "-1", "x", "1e3", "99999999999999999999"])
def test_there_are_so_many_pages_and_no_more(trace_everywhere: Fill, page: str) -> None:
    trace_everywhere()
    answer = get(f"{TRACE}?page={page}")
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/page"


def many_errors(copies: int, correlation: str) -> None:
    """Copies of the one stored error under `correlation`, an SQL expression of `n`."""
    columns = [field.column for field in ErrorEvent._meta.concrete_fields if field.column]
    drawn = {"error_id": "'err_' || n", "correlation_id": correlation}
    with atomic_write(), connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {copies}) "
            f"INSERT INTO infra_error_events ({', '.join(columns)}) "
            f"SELECT {', '.join(drawn.get(column, column) for column in columns)} FROM infra_error_events, numbers"
        )


@pytest.mark.once
def test_ten_thousand_under_one_id_are_paged_and_counted(reader: Client, django_assert_max_num_queries: Any) -> None:
    errors_commit(errors=[a_captured_error(contexts={"trace": {"trace_id": TRACE}})])
    many_errors(10_050, f"'{TRACE}'")
    with django_assert_max_num_queries(EVERY_SOURCE):
        correlation_read(asked=TRACE)
    first = get().json()
    assert (len(first["events"]), first["totals"]["errors"]) == (100, 10_000)
    assert first["next"] == f"/ops/correlations/{TRACE}?page=2"
    last = get(f"{TRACE}?page=20").json()
    assert (len(last["events"]), last["truncated"], last["next"]) == (100, True, None)
    page = reader.get(f"/correlations/{TRACE}/").content.decode()
    assert "10,000 or more errors" in page
    assert 'rel="next" href="?page=2"' in page
    assert 'rel="prev"' not in page
    end = reader.get(f"/correlations/{TRACE}/", {"page": "999"}).content.decode()
    assert "from the 1901st on" in end
    assert 'rel="prev" href="?page=19"' in end
    assert 'rel="next"' not in end


def test_its_queries_do_not_grow(trace_everywhere: Fill, django_assert_max_num_queries: Any) -> None:
    trace_everywhere()
    sent = {"contexts": {"trace": {"trace_id": TRACE}}}
    errors_commit(errors=[a_captured_error(message=f"kind {n}", exception=None, **sent) for n in range(20)])
    with django_assert_max_num_queries(EVERY_SOURCE):
        assert len(correlation_read(asked=TRACE).events) > 30


@pytest.mark.postgres_only
def test_each_source_is_read_off_an_index(trace_everywhere: Fill) -> None:
    """Whatever is stored, no source is read from end to end: the planner has an index for each question."""
    trace_everywhere()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        correlation_read(asked=TRACE)
        correlation_read(asked=TRACE, project_id=PROJECT)
    questions = [query["sql"] for query in asked if TRACE in query["sql"]]
    assert len(questions) == 20
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # tables of a test are too small for the planner to bother
        for question in questions:
            cursor.execute(f"EXPLAIN {question}")
            plan = "\n".join(row[0] for row in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
            assert re.search(r"Index Cond: .*(correlation_id|trace_id)", plan), plan


@pytest.mark.postgres_only
def test_the_planner_takes_the_index_among_many_events() -> None:
    """Left to itself, at a size where it matters; and the first of very many come off it without a sort."""
    sent = {"contexts": {"trace": {"trace_id": TRACE}}}
    errors_commit(errors=[a_captured_error(**sent)])
    flood = "f" * 32  # one id for everything, as a careless sender has it
    many_errors(20_000, f"CASE WHEN n % 2 = 0 THEN '{flood}' ELSE lpad(to_hex(n / 20), 32, '0') END")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE infra_error_events")
    few, many = (
        errors_correlated(correlation_id=asked, project_id=None)[:101].explain() for asked in (f"{7:032x}", flood)
    )
    assert "Seq Scan" not in few + many
    assert "infra_error_events" in few
    assert "Sort" not in many
