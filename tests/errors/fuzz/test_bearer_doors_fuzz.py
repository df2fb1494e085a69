"""The native door and OTLP's, in all their encodings: whatever is sent, the answer is one of ours."""

import json
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from incidents.errors.models import ErrorEvent
from tests.errors.fuzz.conftest import Doors
from tests.errors.fuzz.sending import changed, damaged, dumps, fuzz, headers, values
from tests.errors.otlp import JSON, PROTOBUF, a_record, a_span, exception_event, logs, protobuf, traces, value

NATIVE: dict[str, Any] = {
    "layer": "L4", "component": "billing.engine", "error_class": "domain.budget_exceeded", "severity": "ERROR",
    "message": "Budget exhausted for run", "context": {"left": 0, "of": [1, {"a": None}]}, "run_id": "run-1",
    "exception_chain": ["ValueError: a", "KeyError: 'b'"], "exception_type": "ValueError",
    "timestamp": "2026-03-01T12:00:00Z",
    "correlation_id": "9ec79c33ec9942ab8353589fcb2e04dc", "span_id": "b7ad6b7169203331", "tenant_id": "t",
    "release": "shop@1", "environment": "production", "decision_id": "d", "agent_id": "a",
}  # fmt: skip
IDENTIFIED = {**NATIVE, "error_id": "err_0123456789ab", "input": {"card": "4111111111111111"}, "input_hash": "0" * 16}
DRAFT = {**NATIVE, "envelope_version": 0}
entries = changed(NATIVE, IDENTIFIED, DRAFT)


def _kept(doors: Doors, answer: Any) -> None:
    """Everything that was accepted is in the table."""
    ids = {entry["error_id"] for entry in answer.json().get("accepted", ())}
    assert ErrorEvent.objects.filter(project_id=doors.door.project_id, error_id__in=ids).count() == len(ids)
    doors.all_readable()


@fuzz(140)
@given(sent=st.lists(entries, max_size=4) | entries | values, bad=st.booleans(), data=st.data())
def test_native_arrays_and_objects(doors: Doors, sent: Any, bad: bool, data: st.DataObject) -> None:
    body = data.draw(damaged(dumps(sent), most=2)) if bad else dumps(sent)
    _kept(doors, doors.bearer("/v1/errors", body, content_type="application/json"))


@fuzz(80)
@given(
    lines=st.lists(entries, max_size=4), end=st.sampled_from([b"\n", b"\r\n", b"\n\n"]), header=headers, data=st.data()
)
def test_ndjson_under_odd_headers(
    doors: Doors, lines: list[Any], end: bytes, header: dict[str, str], data: st.DataObject
) -> None:
    body = data.draw(damaged(end.join(dumps(line) for line in lines), most=1))
    _kept(doors, doors.bearer("/v1/errors", body, content_type="application/x-ndjson", headers=header))


NESTED = value({"a": {"b": [1, {"c": "d"}]}, "e": 1.5, "f": True})
TRACES = traces(
    a_span(events=[exception_event(), {"name": "cache.miss", "attributes": [{"key": "a", "value": NESTED}]}],
           status={"code": 2, "message": "failed"}, parentSpanId="b7ad6b7169203331",
           attributes=[{"key": "http.request.method", "value": value("POST")}, {"key": "n", "value": NESTED}]),
    a_span(),
)  # fmt: skip
LOGS = logs(
    a_record(attributes=[{"key": "exception.type", "value": value("KeyError")}, {"key": "user.id", "value": value(7)}]),
    a_record(body=NESTED, traceId="9ec79c33ec9942ab8353589fcb2e04dc", spanId="b7ad6b7169203331", severityNumber=21),
    a_record(body=value('Traceback (most recent call last):\n  File "a.py", line 1, in f\nKeyError: 1')),
)


@fuzz(110)
@given(
    body=changed(TRACES, LOGS, most=5), signal=st.sampled_from(["logs", "traces"]), bad=st.booleans(), data=st.data()
)
def test_otlp_in_json(doors: Doors, body: Any, signal: str, bad: bool, data: st.DataObject) -> None:
    sent = data.draw(damaged(dumps(body), most=2)) if bad else dumps(body, plain=False)
    doors.bearer(f"/otlp/v1/{signal}", sent, content_type=JSON)
    doors.all_readable()


def _encoded(body: Any, signal: str) -> bytes | None:
    """The changed body in protobuf, as far as protobuf can say it; None where it cannot."""
    message = ExportLogsServiceRequest() if signal == "logs" else ExportTraceServiceRequest()
    try:
        ParseDict(json.loads(dumps(body)), message, ignore_unknown_fields=True)
        return bytes(message.SerializeToString())
    except (ParseError, ValueError, RecursionError, TypeError, AttributeError):
        return None


@fuzz(110)
@given(data=st.data(), signal=st.sampled_from(["logs", "traces"]), header=headers)
def test_otlp_in_protobuf(doors: Doors, data: st.DataObject, signal: str, header: dict[str, str]) -> None:
    whole = protobuf(LOGS if signal == "logs" else TRACES)
    body = _encoded(data.draw(changed(LOGS if signal == "logs" else TRACES, most=3)), signal) or whole
    body = data.draw(st.sampled_from([body, whole]))
    header.pop("Content-Encoding", None)
    sent = data.draw(damaged(body, most=4))
    doors.bearer(f"/otlp/v1/{signal}", sent, content_type=PROTOBUF, headers=header)
    doors.all_readable()


@fuzz(30)
@given(
    body=st.binary(max_size=200), kind=st.sampled_from([JSON, PROTOBUF, "", "text/plain", "application/JSON;a=b", "ü"])
)
def test_any_bytes_as_any_type(doors: Doors, body: bytes, kind: str) -> None:
    for path in ("/v1/errors", "/otlp/v1/logs", "/otlp/v1/traces"):
        doors.bearer(path, body, content_type=kind)
