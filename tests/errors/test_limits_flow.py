"""The limits at the doors: who is refused and who is sampled, and that every error is counted once."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import Sum

from incidents.errors.models import (
    CaptureWindow,
    DroppedCount,
    ErrorEvent,
    ErrorRollup,
    LimitNotice,
)
from incidents.errors.services.limit_book import Ref, Window
from incidents.errors.store.limits import windows_add
from incidents.errors.workflows import (
    capture_limits_set,
    cleanup_old_errors,
    errors_settle,
    incident_sampled_read,
    key_lines_read,
    limit_notices_read,
    limit_notices_see,
    windows_forget,
)
from incidents.triage.models import Incident, IncidentHour
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.refusals import Invalid
from readiness.infra.transactions import atomic_write
from tests.errors.conftest import Door, NativeDoor
from tests.factories import a_dsn_key, an_event
from tests.servers import wait_until

ADA = Actor(kind="person", name="ada@example.test")


@pytest.fixture(autouse=True)
def early_in_the_minute() -> None:
    """A limit is a minute's: a test that ran over its end would count into two of them."""
    wait_until(lambda: time.time() % 60 < 45, what="the next minute", within_s=20)


def loud(**fields: Any) -> dict[str, Any]:
    return an_event(fingerprint=["loud"], **fields)


def drops(**fields: Any) -> int:
    return DroppedCount.objects.filter(**fields).aggregate(all=Sum("quantity"))["all"] or 0


def counted(quantity: int, **fields: Any) -> None:
    """Refused errors are in the database within a second."""
    wait_until(lambda: drops(**fields) == quantity, what=f"{quantity} drops", within_s=10)


def envelope_entry(message: str = "Budget exhausted") -> dict[str, Any]:
    return {
        "layer": "L4", "component": "billing", "error_class": "domain.budget_exceeded", "severity": "ERROR",
        "message": message,
    }  # fmt: skip


# --- keys -------------------------------------------------------------------------------------------------------------


def test_it_refuses_a_key_over_its_limit_and_counts_each_refused_error(door: Door, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    answers = [door.post(door.event_envelope(an_event())) for _ in range(15)]
    assert [answer.status_code for answer in answers] == [200] * 10 + [429] * 5
    refused = answers[-1]
    seconds = int(refused.headers["Retry-After"])
    assert 1 <= seconds <= 60
    assert refused.headers["X-Sentry-Rate-Limits"] == f"{seconds}:error:project:key_limit"
    assert refused.headers["Access-Control-Allow-Origin"] == "*"
    assert "limit of 10 errors a minute" in refused.json()["detail"]
    assert ErrorEvent.objects.count() == 10
    counted(5, source="console", category="error", reason="key_limit", key_kind="dsn", key_id=door.dsn.pk)
    other = Door(a_dsn_key(project=door.dsn.project))
    assert other.post(other.event_envelope(an_event())).status_code == 200


def test_it_takes_what_comes_beside_a_refused_event(door: Door, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 1
    door.post(door.event_envelope(an_event()))
    report = {"discarded_events": [{"reason": "ratelimit_backoff", "category": "error", "quantity": 7}]}
    reported = ({"type": "client_report"}, json.dumps(report).encode())
    both = door.post(door.envelope(({"type": "event"}, json.dumps(an_event()).encode()), reported))
    alone = door.post(door.envelope(reported))
    assert (both.status_code, alone.status_code) == (429, 200)
    assert drops(source="sdk") == 14
    counted(1, source="console")


def test_it_refuses_the_old_and_the_security_endpoint_too(door: Door, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 1
    door.post(door.event_envelope(an_event()))
    auth = f"?sentry_key={door.dsn.public_key}"
    store = door.client.post(
        f"/api/{door.project_id}/store/{auth}", data=json.dumps(an_event()), content_type="application/json"
    )
    broken = {"document-uri": "https://shop.test/", "effective-directive": "img-src", "blocked-uri": "x"}
    security = door.client.post(
        f"/api/{door.project_id}/security/{auth}",
        data=json.dumps({"csp-report": broken}),
        content_type="application/csp-report",
    )
    assert (store.status_code, security.status_code) == (429, 429)
    counted(2, reason="key_limit")


def test_it_refuses_a_native_batch_as_a_whole_and_counts_its_envelopes(native: NativeDoor, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    batch = [envelope_entry() for _ in range(12)]
    assert native.post(batch).status_code == 201  # taken whole: there was something left
    refused = native.post(batch, **{"Idempotency-Key": "once"})
    assert refused.status_code == 429
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    counted(12, reason="key_limit", key_kind="api")
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 0
    errors_settle()
    assert native.post(batch, **{"Idempotency-Key": "once"}).status_code == 201  # a refusal is no answer to keep


def test_a_process_that_starts_goes_on_where_the_others_are(door: Door, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    for _ in range(12):
        door.post(door.event_envelope(an_event()))
    errors_settle()  # forgets what this process knew
    answers = [door.post(door.event_envelope(an_event())).status_code for _ in range(3)]
    assert answers == [200, 429, 429]
    errors_settle()
    assert drops(reason="key_limit") == 4
    assert ErrorEvent.objects.count() == 11


# --- incidents --------------------------------------------------------------------------------------------------------


def test_one_loud_incident_is_counted_whole_kept_in_part_and_takes_nothing_from_the_others(
    door: Door, settings: Any
) -> None:
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE, settings.READINESS_INCIDENT_BURST_MINUTES = 5, 1
    sent: Counter[str] = Counter()
    for number in range(60):
        event = loud()
        answer = door.post(door.event_envelope(event))
        assert (answer.status_code, answer.json()) == (200, {"id": event["event_id"]})
        sent["loud"] += 1
        if number % 20 == 19:
            door.post(door.event_envelope(an_event()))
            sent["rare"] += 1
    incidents = {incident.occurrences: incident for incident in Incident.objects.all()}
    assert set(incidents) == {60, 3}
    stored = Counter(ErrorEvent.objects.values_list("fingerprint", flat=True))
    assert sorted(stored.values()) == [3, 5 + 5]  # the first five, and every tenth of the other 55
    assert drops(reason="incident_limit") == 50
    kept = DroppedCount.objects.get()
    assert (kept.incident_id, kept.key_kind, kept.key_id) == (incidents[60].pk, "dsn", door.dsn.pk)
    assert kept.first_at is not None
    assert kept.last_at is not None
    assert kept.first_at < kept.last_at
    hours = IncidentHour.objects.filter(incident=incidents[60])
    assert hours.aggregate(all=Sum("occurrences"))["all"] == 60
    assert ErrorRollup.objects.aggregate(all=Sum("events"))["all"] == ErrorEvent.objects.count()
    assert ErrorEvent.objects.filter(error_id=incidents[60].last_error_id).exists()
    assert incidents[60].ops_severity == "action"  # by all sixty, not by the ten that are kept


def test_a_native_answer_says_what_was_only_counted(native: NativeDoor, settings: Any) -> None:
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE, settings.READINESS_INCIDENT_BURST_MINUTES = 5, 1
    accepted = native.post([envelope_entry() for _ in range(8)]).json()["accepted"]
    assert [entry.get("sampled") for entry in accepted] == [None] * 5 + ["incident_limit"] * 3
    assert len({entry["incident"] for entry in accepted}) == 1
    assert [entry["index"] for entry in accepted] == list(range(8))


def test_a_retry_of_a_sampled_error_counts_once_more_and_one_of_a_stored_error_does_not(
    door: Door, settings: Any
) -> None:
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE, settings.READINESS_INCIDENT_BURST_MINUTES = 5, 1
    bodies = [door.event_envelope(loud()) for _ in range(6)]
    for body in bodies:
        door.post(body)
    door.post(bodies[5])
    assert Incident.objects.get().occurrences == 7  # it was not kept, and nothing of it to tell a retry by
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE = 0
    errors_settle()
    door.post(bodies[0])
    assert Incident.objects.get().occurrences == 7


def test_a_spike_is_sampled_beyond_what_is_usual_for_the_incident(native: NativeDoor, settings: Any) -> None:
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE = 0
    native.post(envelope_entry())
    event = ErrorEvent.objects.get()
    minute = int(time.time()) // 60
    with atomic_write():  # it came twice a minute for the last 90 minutes
        ref = Ref(event.project_id, "group", event.fingerprint)
        windows_add([Window(minute - ago, ref, 2, 2) for ago in range(90, 0, -1)])
    errors_settle()
    native.post(envelope_entry())  # the first commit of a process reads the past
    native.post([envelope_entry() for _ in range(1_000)])
    assert Incident.objects.get().occurrences == 1_002
    in_spike = drops(reason="spike")
    assert in_spike == 1_002 - ErrorEvent.objects.count()
    assert 300 < in_spike < 402
    assert LimitNotice.objects.get().scope == "spike"


# --- announced once, shown until seen ---------------------------------------------------------------------------------


def test_a_thousand_refusals_make_one_notice(native: NativeDoor, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    native.post([envelope_entry() for _ in range(10)])
    for _ in range(4):
        native.post([envelope_entry() for _ in range(250)])
        errors_settle()  # counts them, and forgets that there was a notice
        native.post([envelope_entry()])
    counted(1_000, reason="key_limit")
    notice = LimitNotice.objects.get()
    assert (notice.scope, notice.ref[:4], notice.seen_by) == ("key", "api:", "")
    assert "more than 10 errors in a minute" in notice.text
    told = OutboxMessage.objects.get(topic="notice").payload
    assert (told["kind"], told["text"], told["page"]) == ("capture.limited", notice.text, "/connect/")
    assert told["key"] == f"limit:key:{notice.ref}:{notice.day}"


def test_an_incident_is_announced_once_and_its_notice_seen_once(door: Door, settings: Any) -> None:
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE, settings.READINESS_INCIDENT_BURST_MINUTES = 5, 1
    for _ in range(9):
        door.post(door.event_envelope(loud()))
    (notice,) = limit_notices_read().rows
    assert (notice.scope, notice.ref) == ("incident", Incident.objects.get().public_id)
    (told,) = OutboxMessage.objects.filter(topic="notice").values_list("payload", flat=True)
    assert (told["kind"], told["page"]) == ("capture.limited", f"/incidents/{notice.ref}/")
    assert limit_notices_see(until=notice.pk, actor=ADA) == 1
    assert limit_notices_see(until=notice.pk, actor=ADA) == 0
    assert not limit_notices_read().rows
    door.post(door.event_envelope(loud()))
    assert not limit_notices_read().rows  # once a day


def test_a_notice_is_logged_too(door: Door, settings: Any, caplog: pytest.LogCaptureFixture) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    for _ in range(12):
        door.post(door.event_envelope(an_event()))
    errors_settle()
    assert "sent more than 10 errors in a minute" in caplog.text


def test_limits_hold_and_are_told_while_the_broker_is_away(door: Door, settings: Any) -> None:
    """No Valkey runs beside this test: the figures are the database's, and the notice waits in the outbox."""
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    answers = Counter(door.post(door.event_envelope(an_event())).status_code for _ in range(12))
    assert answers == {200: 10, 429: 2}
    errors_settle()
    assert OutboxMessage.objects.get(topic="notice").delivered_at is None
    assert len(limit_notices_read().rows) == 1  # the console tells it all the same
    assert door.post(door.event_envelope(an_event())).status_code in (200, 429)


# --- figures, settings, forgetting ------------------------------------------------------------------------------------


def test_figures_say_what_of_a_key_and_an_incident_is_not_there(door: Door, settings: Any) -> None:
    settings.READINESS_INCIDENT_EVENTS_PER_MINUTE, settings.READINESS_INCIDENT_BURST_MINUTES = 5, 1
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 10
    for _ in range(12):
        door.post(door.event_envelope(loud()))
    errors_settle()
    lines = key_lines_read(project_ids=[door.project_id])[door.project_id]
    assert [(line.reason, line.key_id, line.day, line.week) for line in lines] == [
        ("incident_limit", door.dsn.pk, 5, 5), ("key_limit", door.dsn.pk, 2, 2),
    ]  # fmt: skip
    (sampled,) = incident_sampled_read(incident_ids=[Incident.objects.get().pk])
    assert (sampled.words, sampled.quantity) == ("over its limit", 5)
    assert sampled.when.endswith(f"UTC on {utcnow().day} {utcnow():%B}")


def test_a_projects_own_limits_hold_at_once_in_the_process_that_sets_them(door: Door) -> None:
    def limit(value: int | None) -> None:
        capture_limits_set(
            project_id=door.project_id, key_per_minute=value, incident_per_minute=None, spike_factor=None, actor=ADA
        )

    limit(10)
    answers = Counter(door.post(door.event_envelope(an_event())).status_code for _ in range(12))
    limit(0)
    answers.update(door.post(door.event_envelope(an_event())).status_code for _ in range(3))
    assert answers == {200: 13, 429: 2}
    with pytest.raises(Invalid) as refused:
        limit(3)
    assert refused.value.errors[0].pointer == "/key_per_minute"


def test_with_limits_off_nothing_is_counted_beside_the_events(door: Door, settings: Any) -> None:
    settings.READINESS_KEY_EVENTS_PER_MINUTE = settings.READINESS_INCIDENT_EVENTS_PER_MINUTE = 0
    settings.READINESS_SPIKE_FACTOR = 0
    for _ in range(3):
        assert door.post(door.event_envelope(an_event())).status_code == 200
    assert not CaptureWindow.objects.exists()


def test_old_windows_counts_and_notices_are_forgotten(door: Door) -> None:
    now, ref = utcnow(), Ref(1, "group", "g")
    with atomic_write():
        windows_add([Window(int(now.timestamp()) // 60 - ago, ref, 1, 1) for ago in (60 * 24, 10)])
        for days in (100, 1):
            at = now - timedelta(days=days)
            DroppedCount.objects.create(
                project_id=1, hour=at, source="console", category="error", reason="key_limit", quantity=1
            )
            LimitNotice.objects.create(project_id=1, day=at.date(), scope="key", ref="dsn:1", text="x", first_at=at)
    assert windows_forget() == 1
    cleanup_old_errors(retention_days=90, actor=ADA)
    assert DroppedCount.objects.get().hour > datetime.now(UTC) - timedelta(days=2)
    assert (CaptureWindow.objects.count(), LimitNotice.objects.count()) == (1, 1)
