"""GET /metrics: who may scrape it, in which format, and what it says of database and broker."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics_families
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from incidents.errors.workflows import drops_record, errors_commit, partitions_ensure
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import atomic_write
from readiness.operations.services.monitoring import drops_bound
from readiness.operations.workflows.monitoring import DEADLINE_S, database_read
from tests.factories import a_captured_error, a_project, an_api_key
from tests.promtool import run_promtool

PLAIN = "text/plain;version=0.0.4;q=0.3,*/*;q=0.1"
OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"


def scrape(client: Client, settings: Settings, accept: str = PLAIN) -> str:
    headers = {"Authorization": f"Bearer {settings.READINESS_METRICS_TOKEN}", "Accept": accept}
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """(name, sorted labels) → value."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    return samples(text).get((name, tuple(sorted(labels.items()))))


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_is_for_the_scrape_token_and_the_installations_keys(client: Client, settings: Settings) -> None:
    def ask(token: str) -> int:
        return client.get("/metrics", headers={"Authorization": f"Bearer {token}"}).status_code

    assert ask(settings.READINESS_METRICS_TOKEN) == 200
    assert ask(an_api_key("ops:read").key) == 200
    assert ask(an_api_key("evidence:write").key) == 403
    assert ask(an_api_key("ops:read", tenant=a_project().tenant).key) == 403  # the figures are everybody's
    assert ask("rk_" + "x" * 43) == 401
    assert ask(settings.READINESS_METRICS_TOKEN[:-1]) == 401
    assert ask("") == 401


@pytest.mark.django_db
def test_it_tells_a_stranger_how_to_scrape(client: Client) -> None:
    refused = client.get("/metrics")
    assert (refused.status_code, refused["WWW-Authenticate"]) == (401, "Bearer")
    assert "metrics.token" in refused.json()["detail"]


@pytest.mark.django_db
def test_it_is_open_where_the_settings_say_so(client: Client, settings: Settings) -> None:
    settings.READINESS_METRICS_PUBLIC = True
    assert client.get("/metrics").status_code == 200
    assert client.post("/metrics").status_code == 405


# --- formats ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_answers_in_the_format_that_is_asked_for(client: Client, settings: Settings) -> None:
    client.get("/healthz")
    plain, open_metrics = scrape(client, settings), scrape(client, settings, OPENMETRICS)
    names = {family.name for family in text_string_to_metric_families(plain)}
    assert {"readiness_http_request_duration_seconds", "readiness_database_up"} <= names
    assert "readiness_capture_events" in {family.name for family in openmetrics_families(open_metrics)}
    assert open_metrics.endswith("# EOF\n")
    assert "EOF" not in plain


@pytest.mark.django_db
@pytest.mark.parametrize(
    "accept", ["", "*/*", "application/openmetrics-text;version=new", "text/plain;version=", ";,,="]
)
def test_it_answers_whatever_format_is_asked_for(client: Client, settings: Settings, accept: str) -> None:
    assert "readiness_database_up 1.0" in scrape(client, settings, accept)


@pytest.mark.django_db
def test_its_names_and_units_pass_promtool(client: Client, settings: Settings) -> None:
    client.get("/healthz")
    run_promtool("check", "metrics", stdin=scrape(client, settings).encode())


# --- labels ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_paths_that_somebody_makes_up_share_one_label(client: Client, settings: Settings) -> None:
    def routes() -> set[str]:
        text = scrape(client, settings)
        return {dict(labels)["route"] for (name, labels), _ in samples(text).items() if name.endswith("seconds_count")
                and "route" in dict(labels)}  # fmt: skip

    client.get("/v1/nothing")
    client.post("/api/1/envelope/", data=b"", content_type="text/plain")
    client.get("/login/")
    client.get("/nowhere/")
    client.post("/api/nobody/envelope/", data=b"", content_type="text/plain")
    scrape(client, settings)
    before = routes()
    assert {"unmatched", "/api/<project_id>/envelope/", "/api/<project>/<door>/", "page", "other", "/metrics"} <= before
    for number in range(20):
        client.get(f"/v1/{number}/made-up")
        client.get(f"/made/up/{number}/")
        client.post(f"/api/{number}/envelope/", data=b"", content_type="text/plain")
        client.post(f"/api/nobody-{number}/envelope/", data=b"", content_type="text/plain")
    assert routes() == before


def test_reasons_that_an_sdk_makes_up_are_other() -> None:
    made_up = {("sdk", f"because {number}"): 2 for number in range(500)}
    ours = {("console", f"limit-{number}"): 1_000 - number for number in range(100)}
    bound = drops_bound(counts={("sdk", "queue_overflow"): 7, **made_up, **ours})
    assert bound["sdk", "queue_overflow"] == 7
    assert bound["sdk", "other"] == 1_000
    assert bound["console", "limit-0"] == 1_000
    assert len(bound) < 60
    assert sum(bound.values()) == 7 + 1_000 + sum(ours.values())


@pytest.mark.django_db
def test_refusals_of_capture_are_counted_by_door_and_reason(client: Client, settings: Settings) -> None:
    name, unknown = "readiness_capture_refused_total", {"door": "sentry", "reason": "forbidden"}
    before = value(scrape(client, settings), name, **unknown) or 0
    auth = {"X-Sentry-Auth": f"Sentry sentry_key={'a' * 32}"}
    assert client.post("/api/1/envelope/", data=b"{}\n", content_type="text/plain", headers=auth).status_code == 403
    client.post("/v1/errors", data=b"[]", content_type="application/json")
    text = scrape(client, settings)
    assert value(text, name, **unknown) == before + 1
    assert value(text, name, door="native", reason="unauthenticated")


# --- what is so now --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_reads_what_is_stored_from_the_rollups() -> None:
    errors_commit(errors=[a_captured_error() for _ in range(3)])
    drops_record(project_id=1, source="sdk", drops=[("error", "before_send", 5), ("error", "my own word", 1)])
    now = utcnow()
    fields = {"topic": "t", "key": "k", "created_at": now}
    with atomic_write():
        OutboxMessage.objects.create(due_at=now - timedelta(minutes=3), **fields)
        OutboxMessage.objects.create(due_at=now, delivered_at=now, **fields)
        OutboxMessage.objects.create(due_at=now, dead_at=now, **fields)
    with CaptureQueriesContext(connection) as queries:
        reading = database_read()
    assert dict(reading.captured.events) == {"ERROR": 3}
    assert dict(reading.captured.dropped) == {("sdk", "before_send"): 5, ("sdk", "other"): 1}
    assert (reading.outbox.dead, reading.outbox.delay_s > 179) == (1, True)
    assert reading.server.size_bytes > 100_000
    assert sum(reading.open_incidents.values()) == 1
    assert len(queries) < 30
    assert not [query["sql"] for query in queries if "FROM infra_error_events" in query["sql"]]
    assert not [query["sql"] for query in queries if 'FROM "infra_error_events"' in query["sql"]]


@pytest.mark.django_db
@pytest.mark.postgres_only
def test_it_knows_partitions_connections_and_tables_of_postgresql() -> None:
    partitions_ensure()
    reading = database_read()
    until = reading.captured.partitions_until
    assert until is not None
    assert timedelta(days=7) < until - utcnow() <= timedelta(days=8)
    assert sum(reading.server.connections.values()) >= 1
    assert reading.server.connections_limit == 120
    names = [table.name for table in reading.server.tables]
    assert "infra_error_events" in names
    assert not [name for name in names if name.startswith("infra_error_events_")]


def test_it_answers_while_the_database_lacks_a_table(fresh_database: str, client: Client, settings: Settings) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE infra_outbox RENAME TO gone")
    text = scrape(client, settings)
    assert value(text, "readiness_database_up") == 0
    assert value(text, "readiness_database_size_bytes") is None
    assert value(text, "readiness_disk_free_bytes")
    assert value(text, "readiness_capture_events_total", outcome="stored") is not None


@pytest.mark.postgres_only
def test_a_database_that_hangs_does_not_hang_the_scrape(
    fresh_database: str, client: Client, settings: Settings
) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE infra_outbox IN ACCESS EXCLUSIVE MODE")
        begun = utcnow()
        assert value(scrape(client, settings), "readiness_database_up") == 0
        assert (utcnow() - begun).total_seconds() < DEADLINE_S + 2
    assert value(scrape(client, settings), "readiness_database_up") == 1


@pytest.mark.django_db
def test_it_says_nothing_secret(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://:secret@127.0.0.1:1/0"
    text = scrape(client, settings)
    assert "secret" not in text
    assert settings.READINESS_METRICS_TOKEN not in text
    assert value(text, "readiness_broker_up") == 0
