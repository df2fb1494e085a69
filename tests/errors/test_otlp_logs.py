"""POST /otlp/v1/logs: error records become errors, told once with the spans that tell of them; the rest is not kept."""

from typing import Any

import pytest

from incidents.errors.adapters import error_view
from incidents.errors.models import ErrorEvent
from incidents.triage.models import Incident
from tests.errors.otlp import (
    JSON,
    PROTOBUF,
    SPAN,
    STACK,
    TRACE,
    OtlpDoor,
    a_record,
    a_span,
    attributes,
    exception_event,
    logs,
    now,
    protobuf,
    value,
)

EXCEPTION = {"exception.type": "KeyError", "exception.message": "'total'", "exception.stacktrace": STACK}


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_it_makes_an_error_and_its_incident_of_a_record(otlp: OtlpDoor, content_type: str) -> None:
    info = a_record(severityNumber=9, severityText="INFO", body=value("an order came"), traceId=TRACE, spanId=SPAN)
    failed = a_record(traceId=TRACE, spanId=SPAN, attributes=attributes({**EXCEPTION, "order.items": 3}))
    body = logs(info, failed)
    answer = otlp.post("logs", protobuf(body) if content_type == PROTOBUF else body, content_type)
    assert (answer.status_code, answer.content) == (200, b"{}" if content_type == JSON else b"")
    event = ErrorEvent.objects.get()
    assert (event.correlation_id, event.span_id, event.component) == (TRACE, SPAN, "shop-api")
    assert (event.exception_type, event.severity, event.release) == ("KeyError", "ERROR", "1.4.2")
    assert (event.environment, event.project_id) == ("staging", otlp.project_id)
    assert Incident.objects.get().title == "KeyError: 'total'"
    view = str(error_view(event))
    assert "an order came" in view, "what was logged before it in its trace goes along"
    assert "order.items" in view


@pytest.mark.parametrize(
    ("fields", "severity"),
    [
        ({"severityNumber": 24}, "CRITICAL"),
        ({"severityNumber": 17}, "ERROR"),
        ({"severityNumber": 16}, None),
        ({"severityNumber": 9}, None),
        ({"severityNumber": 0, "severityText": "err"}, "ERROR"),
        ({"severityNumber": 0, "severityText": "CRITICAL"}, "CRITICAL"),
        ({"severityNumber": 0, "severityText": "Information"}, None),
        ({"severityNumber": None, "severityText": None}, None),
        ({"severityNumber": 13, "attributes": attributes(EXCEPTION)}, "WARNING"),
        ({"severityNumber": 9, "attributes": attributes(EXCEPTION)}, "INFO"),
    ],
)
def test_it_takes_errors_by_their_severity_and_exceptions_whatever_theirs(
    otlp: OtlpDoor, fields: dict[str, Any], severity: str | None
) -> None:
    assert otlp.logs(a_record(**fields)).json() == {}
    assert list(ErrorEvent.objects.values_list("severity", flat=True)) == ([severity] if severity else [])


def test_it_reads_a_stack_that_stands_in_the_text(otlp: OtlpDoor) -> None:
    otlp.logs(a_record(body=value(f"the order could not be settled\n{STACK}")))
    event = ErrorEvent.objects.get()
    assert event.exception_type == "KeyError"
    assert [frame.function for frame in error_view(event).exceptions[0].frames if frame.in_app] == ["settle"]


def test_it_reads_a_structured_body_by_its_message(otlp: OtlpDoor) -> None:
    otlp.logs(a_record(body=value({"message": "stock is empty", "sku": 17})))
    assert "stock is empty" in ErrorEvent.objects.get().message


@pytest.mark.parametrize("log_first", [True, False])
def test_a_failure_that_a_span_and_a_log_tell_of_counts_once(otlp: OtlpDoor, log_first: bool) -> None:
    record = a_record(traceId=TRACE, spanId=SPAN, attributes=attributes(EXCEPTION))
    span = a_span(traceId=TRACE, spanId=SPAN, events=[exception_event()], status={"code": 2})
    for send in [lambda: otlp.logs(record), lambda: otlp.traces(span)][:: 1 if log_first else -1]:
        assert send().json() == {}
    assert ErrorEvent.objects.count() == 1
    assert Incident.objects.get().occurrences == 1


def test_records_beside_each_other_count_apart_and_a_retry_does_not(otlp: OtlpDoor) -> None:
    body = logs(a_record(), a_record(), a_record(timeUnixNano=now(5)))
    for _ in range(2):
        assert otlp.post("logs", body).status_code == 200
    assert Incident.objects.get().occurrences == 3


@pytest.mark.parametrize("ids", [{}, {"traceId": "00" * 16, "spanId": "00" * 8}, {"traceId": "ab", "spanId": SPAN}])
def test_a_record_without_a_valid_trace_is_kept_without_one(otlp: OtlpDoor, ids: dict[str, str]) -> None:
    assert otlp.logs(a_record(**ids)).json() == {}
    assert ErrorEvent.objects.get().correlation_id in (None, "")


def test_it_hashes_and_drops_raw_input_and_scrubs_the_rest(otlp: OtlpDoor) -> None:
    told = attributes({"http.request.body.content": "card=4111 1111 1111 1111", "note": "password=hunter2"})
    otlp.logs(a_record(body=value("no account for ada@example.test"), attributes=told))
    stored = ErrorEvent.objects.get()
    everything = f"{error_view(stored)} {stored.message} {stored.context}"
    assert not [secret for secret in ("4111", "hunter2", "ada@example.test") if secret in everything]
    assert stored.input_hash
