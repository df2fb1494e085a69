"""Spans wait for an error of their trace, OTLP's or an SDK's; what is kept is bounded, shown, and forgotten in time."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from incidents.errors.models import DroppedCount, ErrorEvent, Span
from incidents.errors.workflows import otlp as workflow
from incidents.errors.workflows import spans_sift
from incidents.triage.models import Incident
from readiness.infra.actor import SYSTEM
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.operations.models import JobRun
from readiness.operations.workflows.jobs import job_run
from tests.errors.conftest import Door
from tests.errors.otlp import TRACE, OtlpDoor, a_span, exception_event
from tests.factories import a_founder, an_event


def grow_older(**delta: int) -> None:
    with atomic_write():
        Span.objects.update(created_at=utcnow() - timedelta(**delta))


def names() -> set[str]:
    return set(Span.objects.values_list("name", flat=True))


def test_spans_of_a_trace_that_went_well_are_forgotten_once_they_have_waited(otlp: OtlpDoor) -> None:
    otlp.traces(a_span(name="well"))
    assert spans_sift() == workflow.SpansSifted(), "they wait"
    grow_older(minutes=16)
    otlp.traces(a_span(name="late"))
    assert spans_sift() == workflow.SpansSifted(dropped=1)
    assert names() == {"late"}


def test_spans_of_a_failing_trace_stay_for_days(otlp: OtlpDoor) -> None:
    otlp.traces(a_span(traceId=TRACE, spanId="01" * 8, name="before"))
    otlp.traces(a_span(traceId=TRACE, parentSpanId="01" * 8, name="failing", events=[exception_event()]))
    assert set(Span.objects.values_list("name", "kept")) == {("before", False), ("failing", True)}
    grow_older(minutes=16)
    assert spans_sift() == workflow.SpansSifted(kept=1)
    grow_older(days=13)
    assert spans_sift() == workflow.SpansSifted()
    grow_older(days=15)
    assert spans_sift() == workflow.SpansSifted(forgotten=2)
    assert names() == set()


def test_a_late_span_joins_its_failing_trace(otlp: OtlpDoor) -> None:
    otlp.traces(a_span(traceId=TRACE, events=[exception_event()]))
    otlp.traces(a_span(traceId=TRACE, name="late"))
    grow_older(minutes=16)
    assert spans_sift() == workflow.SpansSifted(kept=1)
    assert names() == {"POST /orders", "late"}


def test_another_projects_error_keeps_nobodys_spans(otlp: OtlpDoor) -> None:
    otlp.traces(a_span(traceId=TRACE, events=[exception_event()]))
    with atomic_write():
        Span.objects.create(
            project_id=otlp.project_id + 1, trace_id=TRACE, span_id="0a" * 8, name="theirs", component="x",
            kind="server", status="ok", started_at=utcnow(), duration_us=1, created_at=utcnow(),
        )  # fmt: skip
    grow_older(minutes=16)
    assert spans_sift().dropped == 1
    assert "theirs" not in names()


def test_an_sdks_error_of_the_same_trace_keeps_the_spans_and_shows_them(otlp: OtlpDoor, door: Door) -> None:
    outer = a_span(traceId=TRACE, spanId="01" * 8, name="POST /orders")
    inner = a_span(traceId=TRACE, spanId="02" * 8, parentSpanId="01" * 8, kind=1, name="settle the order")
    otlp.traces(inner, outer)
    event = an_event(contexts={"trace": {"trace_id": TRACE, "span_id": "02" * 8}})
    assert door.post(door.event_envelope(event)).status_code == 200
    grow_older(minutes=16)
    assert spans_sift() == workflow.SpansSifted(kept=2)
    client = Client()
    client.force_login(a_founder())
    page = client.get(f"/incidents/{Incident.objects.get().public_id}/").content.decode()
    assert "Where in the request" in page
    assert "settle the order" in page
    assert "raised here" in page


def test_the_job_says_what_it_did_and_the_operations_page_shows_it(otlp: OtlpDoor) -> None:
    otlp.traces(a_span(), a_span())
    otlp.traces(a_span(traceId=TRACE, events=[exception_event()]))
    grow_older(minutes=16)
    job_run(key="spans", actor=SYSTEM)
    run = JobRun.objects.get(job="spans")
    assert (run.outcome, run.summary) == ("ok", "Spans: 2 of traces without an error.")
    client = Client()
    client.force_login(a_founder())
    assert "Spans: 2 of traces without an error." in client.get("/operations/").content.decode()


def test_it_sifts_in_batches(otlp: OtlpDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "_BATCH", 2)
    otlp.traces(*[a_span() for _ in range(7)])
    otlp.traces(*[a_span(events=[exception_event()]) for _ in range(5)])
    grow_older(minutes=16)
    assert spans_sift() == workflow.SpansSifted(dropped=7)
    grow_older(days=15)
    assert spans_sift() == workflow.SpansSifted(forgotten=5)


# --- bounds ---------------------------------------------------------------------------------------------------------


def partial(answer: Any) -> tuple[str, str]:
    told = answer.json()["partialSuccess"]
    return told["rejectedSpans"], told["errorMessage"]


def test_a_projects_minute_is_bounded_and_errors_are_kept_all_the_same(otlp: OtlpDoor, settings: Settings) -> None:
    settings.READINESS_SPANS_PER_MINUTE = 3
    fine = [a_span(name=f"fine {number}") for number in range(4)]
    count, words = partial(otlp.traces(*fine, a_span(name="failing", events=[exception_event()])))
    assert (count, "READINESS_SPANS_PER_MINUTE" in words) == ("2", True)
    assert "failing" in names(), "those of failing traces first"
    assert Span.objects.count() == 3
    assert ErrorEvent.objects.count() == 1
    assert DroppedCount.objects.get(reason="span_limit").quantity == 2
    settings.READINESS_SPANS_PER_MINUTE = 0
    assert otlp.traces(*[a_span() for _ in range(5)]).json() == {}


def test_a_trace_is_bounded_and_a_retry_is_neither_stored_nor_refused_again(
    otlp: OtlpDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "SPANS_PER_TRACE", 3)
    spans = [a_span(traceId=TRACE) for _ in range(3)]
    assert otlp.traces(*spans).json() == {}
    assert otlp.traces(*spans).json() == {}
    count, words = partial(otlp.traces(a_span(traceId=TRACE), a_span(traceId=TRACE, events=[exception_event()])))
    assert (count, "3 spans already" in words) == ("2", True)
    assert Span.objects.count() == 3
    assert ErrorEvent.objects.count() == 1
    assert DroppedCount.objects.get(reason="span_trace_full").quantity == 2


def test_one_span_is_bounded(otlp: OtlpDoor) -> None:
    wide = [{"key": f"k{number}", "value": {"stringValue": "v" * 5_000}} for number in range(500)]
    deep: dict[str, Any] = {"stringValue": "x"}
    for _ in range(60):
        deep = {"arrayValue": {"values": [deep]}}
    otlp.traces(a_span(name="n" * 9_000, attributes=[{"key": "deep", "value": deep}, *wide]))
    stored = Span.objects.get()
    assert len(stored.name) <= 200
    assert len(stored.attributes) <= 20
    assert max(len(str(value)) for value in stored.attributes.values()) <= 200
