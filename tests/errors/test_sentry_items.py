"""What an envelope brings beside its event: users' words, check-ins, the SDK's own drops; on pages, and out again."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from incidents.errors.models import CheckIn, DroppedCount, ErrorEvent, Monitor, UserReport
from incidents.errors.workflows import product_jobs_read, sdk_drops_read, user_reports_read
from incidents.errors.workflows.reports import MAX_MONITORS
from incidents.triage.models import Incident
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.operations.workflows.jobs import job_run
from tests.errors.conftest import Door
from tests.factories import a_dsn_key, a_founder, an_event
from tests.operations.conftest import BEAT

Item = tuple[str, dict[str, Any]]


def send(door: Door, *items: Item, header: dict[str, Any] | None = None) -> Any:
    packed = [({"type": kind}, json.dumps(payload).encode()) for kind, payload in items]
    return door.post(door.envelope(*packed, header=header))


def feedback(message: str = "It broke when I paid.", **said: Any) -> Item:
    event = {"event_id": uuid.uuid4().hex, "release": "shop@1", "environment": "production"}
    return "feedback", {**event, "contexts": {"feedback": {"message": message, **said}}}


def check_in(status: str, *, name: str = "nightly", id: str = "c" * 32, **fields: Any) -> Item:
    return "check_in", {"check_in_id": id, "monitor_slug": name, "status": status, **fields}


CRONTAB: dict[str, Any] = {"monitor_config": {"schedule": {"type": "crontab", "value": "0 4 * * *"}, "timezone": "UTC"}}


@pytest.fixture
def page(door: Door) -> Client:
    client = Client()
    client.force_login(a_founder())
    return client


# --- users' words -------------------------------------------------------------------------------------------------


def test_words_sent_with_their_error_stand_on_its_incident(door: Door, page: Client) -> None:
    event = an_event()
    about = {"event_id": event["event_id"], "name": "Ada Lovelace", "email": "ada@example.test",
             "comments": "I, Ada Lovelace, paid twice: ada@example.test"}  # fmt: skip
    # before the event in the envelope, as a crash dialog may send it
    assert send(door, ("user_report", about), ("event", event)).status_code == 200
    (said,) = UserReport.objects.all()
    assert said.fingerprint == ErrorEvent.objects.get().fingerprint
    shown = page.get("/incidents/INC-1/").content.decode()
    assert "What users said" in shown
    assert "I, [Filtered], paid twice: [Filtered]" in shown
    kept = str(vars(said))
    assert "Ada" not in kept
    assert "example.test" not in kept


def test_words_about_an_earlier_error_of_the_group_stand_there_too(door: Door, page: Client) -> None:
    first, second, third = an_event(), an_event(), an_event()
    for event in (first, second, third):
        send(door, ("event", event))
    send(door, feedback("The second of three.", associated_event_id=second["event_id"]))
    assert "The second of three." in page.get("/incidents/INC-1/").content.decode()


def test_words_without_an_error_are_found_by_their_trace(door: Door, page: Client) -> None:
    trace = "ab" * 16
    send(door, ("event", an_event(contexts={"trace": {"trace_id": trace, "span_id": "1" * 16}})))
    kind, words = feedback("Somewhere here.")
    words["contexts"]["trace"] = {"trace_id": trace}
    send(door, (kind, words))
    assert "Somewhere here." in page.get("/incidents/INC-1/").content.decode()


def test_words_about_something_else_stand_elsewhere(door: Door, page: Client) -> None:
    send(door, ("event", an_event()))
    send(door, feedback("About nothing in particular."))
    send(door, feedback("About an error that never came.", associated_event_id="e" * 32))
    assert UserReport.objects.count() == 2
    assert "What users said" not in page.get("/incidents/INC-1/").content.decode()


def test_a_page_escapes_what_users_wrote(door: Door, page: Client) -> None:
    event = an_event()
    send(door, ("event", event), feedback("<script>alert(1)</script>", associated_event_id=event["event_id"]))
    shown = page.get("/incidents/INC-1/").content.decode()
    assert "<script>alert(1)" not in shown
    assert "&lt;script&gt;alert(1)" in shown


def test_a_retry_is_one_report_and_one_person_is_one_hash(door: Door) -> None:
    event = an_event(user={"id": "u-1", "email": "ada@example.test"})
    kind, words = feedback(contact_email="ada@example.test")
    words["user"] = {"id": "u-1"}
    for _ in range(2):
        send(door, ("event", event), (kind, words))
    (said,) = UserReport.objects.all()
    assert said.user_hash == ErrorEvent.objects.get().context["user_hash"] != ""


def test_words_that_overtake_their_error_are_found_among_its_group(door: Door) -> None:
    event = an_event()
    send(door, feedback("It broke.", associated_event_id=event["event_id"]))
    assert UserReport.objects.get().fingerprint == ""
    send(door, ("event", event))
    group = ErrorEvent.objects.get().fingerprint
    about: dict[str, Any] = {"project_id": door.project_id, "error_ids": [], "correlation_ids": []}
    assert [said.comments for said in user_reports_read(fingerprints=[group], **about)] == ["It broke."]
    assert user_reports_read(fingerprints=["0" * 32], **about) == []


def test_another_projects_words_are_not_read(door: Door) -> None:
    event = an_event()
    send(door, ("event", event))
    other = Door(a_dsn_key())
    send(other, feedback("Of another project.", associated_event_id=event["event_id"]))
    found = ErrorEvent.objects.get()
    read = user_reports_read(
        project_id=door.project_id,
        fingerprints=[found.fingerprint],
        error_ids=[found.error_id],
        correlation_ids=[""],
    )
    assert read == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"7", b"[]", b"{}", b'{"contexts": 7}', b'{"contexts": {"feedback": {"message": "  "}}}', b"[" * 99_999,
     b'{"contexts": {"feedback": {"message": 7}}}', b"\xff"],
)  # fmt: skip
def test_words_that_cannot_be_read_are_counted_and_lose_nothing_else(door: Door, payload: bytes) -> None:
    event = json.dumps(an_event()).encode()
    body = door.envelope(
        ({"type": "feedback"}, payload), ({"type": "user_report"}, payload), ({"type": "event"}, event)
    )
    assert door.post(body).status_code == 200
    assert (ErrorEvent.objects.count(), UserReport.objects.count()) == (1, 0)
    assert DroppedCount.objects.get(category="feedback", reason="invalid", source="console").quantity == 2


# --- check-ins ----------------------------------------------------------------------------------------------------


def test_a_run_is_one_row_from_its_start_to_its_end(door: Door) -> None:
    send(door, check_in("in_progress", **CRONTAB))
    assert (Monitor.objects.get().last_status, Monitor.objects.get().last_ok_at) == ("in_progress", None)
    send(door, check_in("ok", duration=12.5))
    run, job = CheckIn.objects.get(), Monitor.objects.get()
    assert (run.status, run.duration_ms) == ("ok", 12_500)
    assert (job.last_status, job.last_duration_ms, job.schedule) == ("ok", 12_500, "0 4 * * *")
    assert job.last_ok_at is not None


def test_a_start_that_comes_late_takes_nothing_back(door: Door) -> None:
    send(door, check_in("ok", duration=1))
    send(door, check_in("in_progress", **CRONTAB))
    assert CheckIn.objects.get().status == "ok"
    assert (Monitor.objects.get().last_status, Monitor.objects.get().schedule) == ("ok", "0 4 * * *")


def test_an_id_of_zeros_means_the_run_under_way(door: Door) -> None:
    send(door, check_in("in_progress"))
    send(door, check_in("error", id="0" * 32))
    assert CheckIn.objects.get().status == "error"
    send(door, check_in("ok", id="0" * 32))
    assert CheckIn.objects.count() == 2, "none was under way: it is a run of its own"


def test_a_failed_job_is_shown_and_opens_no_incident(door: Door, page: Client) -> None:
    send(door, check_in("ok", id="1" * 32))
    send(door, check_in("error", id="2" * 32, environment="staging", name="backup"))
    shown = page.get("/operations/").content.decode()
    assert shown.index("backup") < shown.index("nightly"), "what needs somebody stands first"
    assert "The last run said that it failed." in shown
    assert Incident.objects.count() == 0


def test_a_job_that_stays_away_is_missed(door: Door, page: Client) -> None:
    send(door, check_in("ok", **CRONTAB))
    with atomic_write():
        Monitor.objects.update(last_started_at=utcnow() - timedelta(days=2))
    (job,) = product_jobs_read()
    assert (job.health.kind, job.health.word) == ("fail", "Missed")
    assert "and none has started" in page.get("/operations/").content.decode()


def test_a_public_key_cannot_make_jobs_without_end(door: Door) -> None:
    with atomic_write():
        Monitor.objects.bulk_create(
            Monitor(project_id=door.project_id, name=f"job-{number}", environment="production", last_check_in_id="x",
                    last_status="ok", last_started_at=utcnow(), first_at=utcnow())
            for number in range(MAX_MONITORS)
        )  # fmt: skip
    assert send(door, check_in("ok", name="one-more")).status_code == 200
    assert send(door, check_in("ok", name="job-1", id="1" * 32)).status_code == 200
    assert (Monitor.objects.count(), CheckIn.objects.count()) == (MAX_MONITORS, 1)
    assert DroppedCount.objects.get(category="monitor").reason == "too_many_monitors"


@pytest.mark.parametrize(
    "fields",
    [{"status": "perhaps"}, {"monitor_slug": ""}, {"monitor_slug": 7}, {"status": None}, {"padding": "x" * 110_000}],
)
def test_a_check_in_that_cannot_be_read_is_counted(door: Door, fields: dict[str, Any]) -> None:
    kind, payload = check_in("ok")
    assert send(door, (kind, {**payload, **fields})).status_code == 200
    assert (CheckIn.objects.count(), DroppedCount.objects.get().reason) == (0, "invalid")


@pytest.mark.parametrize(
    "config",
    [7, {"schedule": 7}, {"schedule": {"type": "crontab", "value": "H * * * *"}}, {"schedule": {"type": "interval"}},
     {"schedule": {"type": "interval", "value": -1, "unit": "day"}}, {"timezone": {"a": 1}, "max_runtime": "long"}],
)  # fmt: skip
def test_a_schedule_that_is_not_understood_is_none(door: Door, config: Any) -> None:
    assert send(door, check_in("ok", monitor_config=config, duration="x")).status_code == 200
    job = Monitor.objects.get()
    assert (job.schedule, job.timezone, job.margin_minutes, job.longest_minutes) == ("", "", 1, 30)


def test_the_page_of_jobs_costs_the_same_however_often_they_ran(door: Door, django_assert_num_queries: Any) -> None:
    for number in range(3):
        send(door, check_in("ok", id=f"{number:032x}", name="nightly"))
    with django_assert_num_queries(1):
        assert len(product_jobs_read()) == 1


# --- what SDKs dropped --------------------------------------------------------------------------------------------


def report(**entries: Any) -> Item:
    dropped = [{"reason": reason, "category": "error", "quantity": number} for reason, number in entries.items()]
    return "client_report", {"timestamp": utcnow().isoformat(), "discarded_events": dropped}


def test_what_sdks_dropped_is_shown_by_project_and_reason(door: Door, page: Client) -> None:
    send(door, report(queue_overflow=7, before_send=2))
    send(door, report(queue_overflow=3, sample_rate=90))
    (project,) = sdk_drops_read(hours=24)
    assert (project.project_id, project.drops.lost, project.drops.wanted) == (door.project_id, 10, 92)
    assert [(line.reason, line.quantity) for line in project.drops.lines] == [
        ("sample_rate", 90), ("queue_overflow", 10), ("before_send", 2),
    ]  # fmt: skip
    shown = page.get("/operations/").content.decode()
    assert "the SDK&#x27;s queue was full" in shown
    assert "as configured" in shown
    assert "SDKs dropped 10 more errors" in page.get("/incidents/").content.decode()


def test_what_was_dropped_as_configured_is_no_reason_for_a_word(door: Door, page: Client) -> None:
    send(door, report(sample_rate=90))
    assert "SDKs dropped" not in page.get("/incidents/").content.decode()


def test_old_drops_are_not_of_the_last_day(door: Door) -> None:
    send(door, report(queue_overflow=7))
    with atomic_write():
        DroppedCount.objects.update(hour=utcnow() - timedelta(hours=30))
    assert sdk_drops_read(hours=24) == []


def test_a_report_of_odd_shapes_counts_what_can_be_read(door: Door) -> None:
    entries: list[Any] = [
        7, None, {"reason": "queue_overflow"}, {"reason": "x" * 500, "category": "error", "quantity": 2},
        {"reason": "queue_overflow", "category": "error", "quantity": 4.0},
        {"reason": "queue_overflow", "category": "replay", "quantity": 9},
        {"reason": "queue_overflow", "category": "error", "quantity": -3},
        {"reason": "queue_overflow", "category": "error", "quantity": True},
        {"reason": None, "category": "error", "quantity": 1},
    ]  # fmt: skip
    send(door, ("client_report", {"discarded_events": entries}))
    counted = {drop.reason: drop.quantity for drop in DroppedCount.objects.all()}
    assert counted == {"queue_overflow": 4, "other": 3}, "no reason of the sender's own invention becomes a row"


# --- out again ----------------------------------------------------------------------------------------------------


def test_retention_takes_words_and_runs_of_their_age_and_no_younger(door: Door, settings: Any) -> None:
    settings.READINESS_RETENTION_DAYS = 30
    for name in ("old", "young"):
        send(door, feedback(name), check_in("ok", name=name, id=uuid.uuid4().hex))
    long_ago = utcnow() - timedelta(days=40)
    with atomic_write():
        UserReport.objects.filter(comments="old").update(created_at=long_ago)
        CheckIn.objects.filter(monitor="old").update(started_at=long_ago)
        Monitor.objects.filter(name="old").update(last_started_at=long_ago)
    job_run(key="retention", actor=BEAT)
    assert list(UserReport.objects.values_list("comments", flat=True)) == ["young"]
    assert list(CheckIn.objects.values_list("monitor", flat=True)) == ["young"]
    assert list(Monitor.objects.values_list("name", flat=True)) == ["young"]
