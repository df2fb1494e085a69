"""The Operations page and the admin's Health card: what they show, to whom, and at what cost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from incidents.errors.models import ErrorRollup
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.transactions import atomic_write
from readiness.operations.models import JobRun, JobState
from readiness.operations.workflows.jobs import job_run
from readiness.operations.workflows.reconciling import reconcile
from readiness.operations.workflows.schedules import schedules_ensure
from readiness.tenants.models import User
from tests.factories import a_founder, a_user, a_viewer, an_engineer
from tests.operations.conftest import ADA, BEAT, errors_at

RUN_NOW = "/operations/jobs/retention/run/"


def _client(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def founder(db: None) -> Client:
    return _client(a_founder())


def _text(client: Client, path: str = "/operations/") -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


def _message(**fields: object) -> OutboxMessage:
    now = utcnow()
    known = {"topic": "incident.recurred", "key": "INC-12", "payload": {"secret": "s3cret"}}
    with atomic_write():
        return OutboxMessage.objects.create(**{**known, "created_at": now, "due_at": now, **fields})


def test_it_shows_a_first_day_without_alarm(founder: Client) -> None:
    page = _text(founder)
    assert "Not yet compared" in page
    assert "Nothing has run yet." in page
    assert "manage.py reconcile" in page
    assert "Nothing waits: every message has been delivered." in page


@pytest.mark.django_db
def test_it_needs_a_person_who_is_signed_in() -> None:
    response = Client().get("/operations/")
    assert response.status_code == 302
    assert response.headers["Location"].startswith("/login/")


def test_it_shows_drift_last_reconcile_jobs_and_runs(founder: Client) -> None:
    schedules_ensure()
    errors_at(utcnow() - timedelta(hours=4))
    reconcile(actor=BEAT)
    job_run(key="housekeeping", actor=ADA)
    page = _text(founder)
    for shown in (
        "0.00\u00a0%",
        "In step",
        "Last reconcile",
        "The 1 row agrees.",
        "daily at 04:10 UTC",
        "every hour",
        "every 15 minutes",
    ):
        assert shown in page
    assert "Nothing was old enough to forget." in page
    assert f"asked for by {ADA.name}" in page


def test_red_drift_stands_on_the_page_and_in_the_admin(recording: None) -> None:
    errors_at(utcnow() - timedelta(hours=4), count=2)
    with atomic_write():
        ErrorRollup.objects.update(events=9)
    reconcile(actor=BEAT)
    client = _client(a_founder())
    page, admin = _text(client), _text(client, "/admin/")
    assert "the figures (drift)" in page
    assert 'href="/incidents/INC-' in page
    for shown in (page, admin):
        assert "100.00\u00a0%" in shown
        assert "Drift" in shown
    assert "Last reconcile" in admin
    assert "/admin/operations/jobrun/" in admin, "the admin's own list is still there"


@pytest.mark.django_db
@pytest.mark.parametrize("make", [a_founder, an_engineer])
def test_founders_and_engineers_run_a_job_now(make: Callable[[], User]) -> None:
    client = _client(make())
    assert RUN_NOW in _text(client)
    response = client.post(RUN_NOW, follow=True)
    assert response.redirect_chain == [("/operations/", 302)]
    page = response.content.decode()
    assert "Retention is asked for" in page
    assert "Asked for</span>" in page
    assert "hx-trigger" in page, "the page follows it"
    message = OutboxMessage.objects.get()
    assert (message.topic, message.key) == ("job.run", "retention")
    again = client.post(RUN_NOW, follow=True).content.decode()
    assert "asked for already" in again
    assert OutboxMessage.objects.count() == 1


@pytest.mark.django_db
def test_a_viewer_reads_and_changes_nothing() -> None:
    client = _client(a_viewer())
    message = _message(attempts=2)
    page = _text(client)
    assert "Retention" in page
    assert "Run now</button>" not in page
    assert "Try again</button>" not in page
    for path in (RUN_NOW, f"/operations/outbox/{message.pk}/retry/"):
        assert client.post(path).status_code == 403
    assert not JobState.objects.exists()
    assert OutboxMessage.objects.get().attempts == 2


@pytest.mark.parametrize("path", [RUN_NOW, "/operations/outbox/1/retry/"])
def test_a_link_runs_nothing(founder: Client, path: str) -> None:
    assert founder.get(path).status_code == 405
    assert founder.post("/operations/").status_code == 405


def test_it_refuses_a_job_that_is_none_in_words(founder: Client) -> None:
    page = founder.post("/operations/jobs/no-such-job/run/", follow=True).content.decode()
    assert "There is no job no-such-job here" in page
    assert not OutboxMessage.objects.exists()


def test_it_lists_dead_messages_first_and_never_their_payload(founder: Client) -> None:
    _message(key="INC-waiting")
    dead = _message(key="INC-dead", attempts=8, dead_at=utcnow(), last_error="<b>no</b> answer")
    page = _text(founder)
    assert page.index("INC-dead") < page.index("INC-waiting")
    assert "1 dead message" in page
    assert "s3cret" not in page
    assert escape("<b>no</b> answer") in page
    told = founder.post(f"/operations/outbox/{dead.pk}/retry/", follow=True).content.decode()
    assert "is due again" in told
    dead.refresh_from_db()
    assert (dead.dead_at, dead.attempts) == (None, 0)
    gone = founder.post("/operations/outbox/999999/retry/", follow=True).content.decode()
    assert "no such message" in gone


def _some_runs(count: int, *, job: str = "retention") -> None:
    now = utcnow()
    with atomic_write():
        for number in range(count):
            JobRun.objects.create(
                job=job,
                started_at=now,
                finished_at=now - timedelta(minutes=number),
                outcome="ok",
                summary=f"{job} number {number}.",
                triggered_by="the schedule",
            )


def test_it_pages_the_runs_and_picks_one_job(founder: Client) -> None:
    _some_runs(15)
    _some_runs(3, job="reconcile")
    assert "1–10 of 18" in _text(founder)
    assert "11–18 of 18" in _text(founder, "/operations/?page=2")
    only = _text(founder, "/operations/?job=reconcile")
    assert "reconcile number 2." in only
    assert "retention number" not in only
    for odd in ("?page=999", "?page=-1", "?page=x", "?job=%00", "?job=nobody"):
        assert _text(founder, f"/operations/{odd}")


def test_it_costs_the_same_whatever_is_stored(founder: Client) -> None:
    schedules_ensure()
    reconcile(actor=BEAT)
    job_run(key="retention", actor=BEAT)
    _message()
    _text(founder)
    with CaptureQueriesContext(connection) as few:
        _text(founder)
    for key in ("housekeeping", "controls-stale", "partitions", "reconcile"):
        job_run(key=key, actor=BEAT)
    _some_runs(40)
    for number in range(60):
        _message(key=f"INC-{number}", attempts=number % 3)
    with CaptureQueriesContext(connection) as many:
        page = _text(founder)
    assert "and 11 more." in page
    assert len(many) == len(few)
    assert len(many) < 30


def test_the_admin_shows_operations_and_changes_nothing(founder: Client) -> None:
    reconcile(actor=BEAT)
    job_run(key="retention", actor=BEAT)
    for table in ("jobrun", "reconciliation", "reconciliationrun"):
        assert "Select" in _text(founder, f"/admin/operations/{table}/")
        assert founder.get(f"/admin/operations/{table}/add/").status_code == 403
    run = JobRun.objects.get()
    assert founder.post(f"/admin/operations/jobrun/{run.pk}/delete/", {"post": "yes"}).status_code == 403
    assert JobRun.objects.filter(pk=run.pk).exists()


@pytest.mark.django_db
def test_the_admin_index_still_asks_who_comes() -> None:
    assert Client().get("/admin/").status_code == 302
    assert _client(a_user(role="viewer")).get("/admin/").status_code == 200
