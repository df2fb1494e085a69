"""GET /ops/health, /ops/risks, /ops/trends, /ops/decisions: the founders' reads (scope ops:read)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.errors.workflows import errors_commit
from incidents.triage.services.ops_decisions import DecisionCount
from incidents.triage.workflows import health_read, risks_read, trends_read
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.tenants.models import Project
from tests.factories import a_captured_error, a_project, a_tenant, a_viewer, an_api_key, an_incident

pytestmark = pytest.mark.django_db
PATHS = ("/ops/health", "/ops/risks", "/ops/trends", "/ops/decisions")
SECRET = "hunter2hunter2"


def get(path: str, key: str = "") -> Any:
    headers = {"Authorization": f"Bearer {key or an_api_key('ops:read').key}"}
    return Client(raise_request_exception=False).get(path, headers=headers)


@pytest.fixture(autouse=True)
def _no_jobs(settings: Any) -> None:
    """Beat, which no test runs, would have switched the console's jobs on."""
    without = "readiness.operations.workflows.risks.operations_risks_read"
    settings.READINESS_RISK_SOURCES = [dotted for dotted in settings.READINESS_RISK_SOURCES if dotted != without]


def counted(source_since: list[datetime]) -> Any:
    def source(*, since: datetime, until: datetime, project_id: int | None, limit: int) -> Sequence[DecisionCount]:
        source_since.append(since)
        return [
            DecisionCount("billing.authorise", "declined", 1, until, "dec_2"),
            DecisionCount("billing.authorise", "approved", 3, until, "dec_1"),
        ]

    return source


asked: list[datetime] = []
fake_source = counted(asked)


@pytest.mark.parametrize("path", PATHS)
def test_it_is_the_founders_and_read_only(path: str) -> None:
    assert get(path, an_api_key("errors:write").key).status_code == 403
    assert Client().get(path).status_code == 401
    answer = Client().post(path, headers={"Authorization": f"Bearer {an_api_key('ops:read').key}"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.once
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("/ops/trends?days=0", "/days"),
        ("/ops/trends?days=91", "/days"),
        ("/ops/trends?days=1e1", "/days"),
        ("/ops/trends?days=%C2%B2", "/days"),
        ("/ops/trends?metric=nonsense", "/metric"),
        ("/ops/trends?day=3", "/day"),
        ("/ops/risks?level=grave", "/level"),
        ("/ops/risks?hours=3", "/hours"),
        ("/ops/decisions?hours=-1", "/hours"),
        ("/ops/decisions?hours=999999", "/hours"),
        ("/ops/health?hours=1", "/hours"),
        ("/ops/health?component=", "/component"),
        ("/ops/health?component=%00", "/component"),
        (f"/ops/health?component={'x' * 201}", "/component"),
    ],
)
def test_it_names_a_bad_parameter(query: str, pointer: str) -> None:
    answer = get(query)
    assert answer.status_code == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_an_empty_console_is_unknown_and_never_healthy() -> None:
    body = get("/ops/health").json()
    assert (body["status"], body["components"]) == ("unknown", [])
    assert get("/ops/risks").json()["summary"] == "Nothing is known to break."
    trends = get("/ops/trends").json()["trends"]
    assert {trend["direction"] for trend in trends} == {"unknown"}
    assert [trend["points"] for trend in trends] == [[]] * 7


def test_health_tells_components_apart() -> None:
    project = a_project()
    an_incident(project_id=project.pk, level="fatal", fingerprint=["grave"], logger="checkout", exception=None,
                message="down")  # fmt: skip
    errors_commit(errors=[a_captured_error(project_id=project.pk, fingerprint=["many"]) for _ in range(40)])
    body = get("/ops/health").json()
    assert body["status"] == "unhealthy"
    by_component = {row["component"]: row for row in body["components"]}
    assert by_component["shop.orders"]["errors_last_hour"] == 40
    assert by_component["shop.orders"]["usual_per_hour"] is None
    assert by_component["shop.orders"]["project"] == project.tenant.name
    causes = {row["why"].split(";")[0] for row in body["components"] if row["status"] == "unhealthy"}
    assert causes == {"1 incident of P0 or P1 is open.", "40 errors in the last hour"}
    one = get("/ops/health?component=shop.orders").json()
    assert [row["component"] for row in one["components"]] == ["shop.orders"]
    assert one["by_status"] == {"unhealthy": 1, "degraded": 0, "unknown": 0, "healthy": 0}
    assert get("/ops/health?component=nobody.knows").json()["status"] == "unknown"


def test_risks_are_the_gravest_first_and_say_what_to_do() -> None:
    project = a_project()
    hidden = a_project()
    with atomic_write():
        Project.objects.filter(pk=hidden.pk).update(created_at=utcnow() - timedelta(days=2))
    early = {"detected_at": utcnow() - timedelta(hours=2)}
    an_incident(project_id=project.pk, incident={"priority": "P1", **early})
    an_incident(project_id=project.pk, incident={"priority": "P0", **early})
    body = get("/ops/risks").json()
    kinds = [finding["kind"] for finding in body["findings"]]
    assert kinds[0] == "incident_open_p0"
    assert "Nobody has taken" in body["findings"][0]["why"]
    assert {"incident_open_p1", "project_silent", "key_untrusted"} <= set(kinds)
    assert body["summary"] == "1 critical and 2 high."
    assert all(finding["todo"] and finding["why"] for finding in body["findings"])
    silent = next(finding for finding in body["findings"] if finding["kind"] == "project_silent")
    assert (silent["component"], silent["blind"]) == (hidden.tenant.name, True)
    grave = get("/ops/risks?level=critical").json()
    assert {finding["level"] for finding in grave["findings"]} == {"critical"}
    assert grave["summary"] == body["summary"]


def test_trends_count_what_happened() -> None:
    an_incident(project_id=7)
    errors_commit(errors=[a_captured_error(project_id=7, fingerprint=["more"]) for _ in range(4)])
    body = get("/ops/trends?days=2&metric=errors&metric=incidents_detected&metric=errors").json()
    assert [trend["metric"] for trend in body["trends"]] == ["errors", "incidents_detected"]
    assert [trend["points"][-1]["value"] for trend in body["trends"]] == [5, 2]
    assert body["trends"][0]["bucket_seconds"] == 3_600
    assert body["trends"][0]["points"][-1]["complete"] is False
    assert body["trends"][0]["direction"] == "unknown"


def test_a_diagnosis_is_measured() -> None:
    now = utcnow()
    an_incident(incident={"detected_at": now - timedelta(minutes=12), "diagnosed_at": now})
    point = get("/ops/trends?metric=diagnosis_minutes").json()["trends"][0]["points"][-1]
    assert point["value"] == pytest.approx(12, abs=0.01)


def test_decisions_say_that_nobody_is_connected(settings: Any) -> None:
    body = get("/ops/decisions").json()
    assert (body["connected"], body["decisions"]) == (False, [])
    assert "READINESS_DECISION_SOURCE" in body["detail"]
    settings.READINESS_DECISION_SOURCE = f"{__name__}.fake_source"
    body = get("/ops/decisions?hours=1").json()
    assert body["connected"] is True
    assert [(row["outcome"], row["share"]) for row in body["decisions"]] == [("approved", 0.75), ("declined", 0.25)]
    assert utcnow() - asked[-1] < timedelta(hours=1, minutes=1)


def test_a_tenants_key_sees_its_own_project_only() -> None:
    ours, theirs = a_tenant(), a_tenant()
    mine, other = a_project(tenant=ours), a_project(tenant=theirs)
    an_incident(project_id=mine.pk, incident={"priority": "P1"})
    an_incident(project_id=other.pk, incident={"priority": "P0", "title": "Theirs"}, logger="theirs.engine")
    an_incident(project_id=0, incident={"priority": "P0", "title": "The console's"})
    key = an_api_key("ops:read", tenant=ours).key
    health = get("/ops/health", key).json()
    assert [row["project"] for row in health["components"]] == [ours.name]
    findings = get("/ops/risks", key).json()["findings"]
    assert {finding["kind"] for finding in findings} >= {"incident_open_p1"}
    assert "Theirs" not in str(findings)
    assert "console" not in str(findings)
    errors = get("/ops/trends?metric=errors", key).json()["trends"][0]
    assert errors["points"][-1]["value"] == 1


def test_samples_count_nowhere() -> None:
    tenant = a_tenant(synthetic=True)
    project = a_project(tenant=tenant)
    an_incident(project_id=project.pk, synthetic=True, incident={"priority": "P0"})
    assert get("/ops/health").json()["components"] == []
    assert get("/ops/risks").json()["findings"] == []
    assert get("/ops/trends?metric=errors").json()["trends"][0]["points"] == []


def test_no_envelope_and_nothing_raw_of_it_is_ever_shown() -> None:
    """131-134: aggregated answers only; what an SDK sent stays inside."""
    sent = a_captured_error(
        project_id=3,
        message=f"password={SECRET} for ada@example.test",
        exception=None,
        logger="billing.engine",
        request={"url": "https://shop.test/", "data": {"password": SECRET}, "headers": {"Authorization": SECRET}},
        extra={"note": SECRET},
        level="fatal",
    )
    stored = errors_commit(errors=[sent])[0]
    person = Client()
    person.force_login(a_viewer())
    texts = {"/preflight/": person.get("/preflight/").content.decode()}
    for path in (*PATHS, "/ops/incidents/infra-summary", f"/ops/incidents/{stored.incident}"):
        texts[path] = get(path).content.decode()
    for path, text in texts.items():
        for raw in (SECRET, "ada@example.test", '"exception_chain"', '"input_hash"', "envelope_version", "payload"):
            assert raw not in text, (path, raw)


def test_the_queries_do_not_grow(django_assert_max_num_queries: Any) -> None:
    def queries() -> list[int]:
        numbers = []
        for read in (health_read, risks_read, trends_read):
            with django_assert_max_num_queries(60) as seen:
                read()
            numbers.append(len(seen))
        return numbers

    for number in range(2):
        an_incident(project_id=a_project().pk, logger=f"part.{number}", incident={"priority": "P1"})
    before = queries()
    for number in range(6):
        an_incident(project_id=a_project().pk, logger=f"more.{number}", incident={"priority": f"P{number % 4}"})
    assert queries() == before
