"""OTLP/HTTP's doors: who may, which bodies and encodings, and each refusal in the protocol's own shape and counted."""

import gzip
import json
import time
import zlib
from typing import Any

import brotli
import pytest
from django.test import Client
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from pytest_django import Settings

from incidents.errors.models import DroppedCount, ErrorEvent, Span
from incidents.errors.services.otlp import reading
from readiness.infra.metrics import REFUSED
from tests.errors.otlp import JSON, PROTOBUF, SPAN, TRACE, OtlpDoor, a_record, a_span, exception_event, logs, protobuf
from tests.errors.otlp import traces as traces_body
from tests.factories import an_api_key
from tests.servers import wait_until

SIGNALS = {"logs": (logs, a_record), "traces": (traces_body, a_span)}
RESPONSES: dict[str, type[Message]] = {"logs": ExportLogsServiceResponse, "traces": ExportTraceServiceResponse}
# google.rpc.Code of each HTTP status
CODES = {400: 3, 401: 16, 403: 7, 405: 12, 413: 3, 415: 3, 429: 8, 503: 14}


def refused(reason: str) -> float:
    return float(REFUSED.labels("otlp", reason)._value.get())


def status_of(answer: Any) -> tuple[int, str]:
    """(code, message) of a google.rpc.Status in either encoding."""
    if answer["Content-Type"] == JSON:
        status = answer.json()
        return status["code"], status["message"]
    body, at, fields = answer.content, 0, {}
    while at < len(body):
        tag, at = body[at], at + 1
        if tag & 7 == 0:
            fields[tag >> 3], at = body[at], at + 1
            continue
        size = shift = 0
        while True:
            byte, at = body[at], at + 1
            size, shift = size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        fields[tag >> 3], at = body[at : at + size], at + size
    return fields[1], fields[2].decode()


# --- refusals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
@pytest.mark.parametrize("signal", SIGNALS)
def test_each_refusal_is_a_status_in_the_requests_encoding(otlp: OtlpDoor, signal: str, content_type: str) -> None:
    otlp_key, reader = otlp.key, an_api_key("ops:read").key
    cases = [
        ("", b"", {}, 401, "unauthenticated"),
        (reader, b"", {}, 403, "forbidden"),
        (an_api_key("errors:write").key, b"", {}, 403, "forbidden"),  # the installation's has no project to store into
        (otlp_key, b"\xff\xfe no such thing", {}, 400, "malformed"),
        (otlp_key, b"\x1f\x8b cut", {"Content-Encoding": "gzip"}, 400, "malformed"),
        (otlp_key, b"", {"Content-Encoding": "lzw"}, 415, "unsupported-media-type"),
        (otlp_key, gzip.compress(bytes(17 << 20)), {"Content-Encoding": "gzip"}, 413, "too-large"),
    ]
    for key, body, headers, status, reason in cases:
        otlp.key, before = key, refused(reason)
        answer = otlp.post(signal, body, content_type, **{"Content-Type": content_type, **headers})
        assert (answer.status_code, answer["Content-Type"]) == (status, content_type), (status, answer.content)
        code, message = status_of(answer)
        assert code == CODES[status]
        assert message
        assert refused(reason) == before + 1
    assert not ErrorEvent.objects.exists()


@pytest.mark.parametrize("content_type", ["text/plain", "application/grpc", "multipart/form-data; boundary=x", ""])
def test_it_takes_the_two_content_types_only(otlp: OtlpDoor, content_type: str) -> None:
    before = refused("unsupported-media-type")
    answer = otlp.post("traces", b"{}", content_type)
    assert (answer.status_code, answer["Content-Type"]) == (415, JSON)
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in status_of(answer)[1]
    assert refused("unsupported-media-type") == before + 1


def test_it_takes_a_content_type_with_parameters(otlp: OtlpDoor) -> None:
    assert otlp.post("traces", b"{}", "Application/JSON; charset=utf-8").status_code == 200


def test_another_method_is_refused_with_those_there_are(otlp: OtlpDoor) -> None:
    before = refused("method-not-allowed")
    answer = Client().get("/otlp/v1/traces", headers={"Authorization": f"Bearer {otlp.key}"})
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert status_of(answer)[0] == CODES[405]
    assert refused("method-not-allowed") == before + 1


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_a_key_over_its_limit_is_told_when_to_come_again(otlp: OtlpDoor, settings: Settings, content_type: str) -> None:
    wait_until(lambda: time.time() % 60 < 45, what="the next minute", within_s=20)
    settings.READINESS_KEY_EVENTS_PER_MINUTE = 1
    before = refused("rate-limited")
    body = traces_body(a_span(events=[exception_event()]))
    answers = [otlp.post("traces", protobuf(body) if content_type == PROTOBUF else body, content_type)]
    later = traces_body(a_span(events=[exception_event(**{"exception.message": "another"})]))
    answers.append(otlp.post("traces", protobuf(later) if content_type == PROTOBUF else later, content_type))
    assert [answer.status_code for answer in answers] == [200, 429]
    assert 1 <= int(answers[1]["Retry-After"]) <= 60
    assert answers[1]["Content-Type"] == content_type
    assert "X-Sentry-Rate-Limits" not in answers[1]
    assert status_of(answers[1])[0] == CODES[429]
    assert refused("rate-limited") == before + 1
    assert ErrorEvent.objects.count() == 1
    assert otlp.traces(a_span()).status_code == 200, "spans without an error are no errors"


# --- encodings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda raw: zlib.compress(raw, wbits=-15)),
        ("br", brotli.compress),
        ("", bytes),
    ],
)
@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_it_takes_what_exporters_compress(otlp: OtlpDoor, encoding: str, compress: Any, content_type: str) -> None:
    body = logs(a_record(traceId=TRACE, spanId=SPAN))
    raw = protobuf(body) if content_type == PROTOBUF else json.dumps(body).encode()
    assert otlp.post("logs", compress(raw), content_type, **{"Content-Encoding": encoding}).status_code == 200
    assert ErrorEvent.objects.get().correlation_id == TRACE


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
@pytest.mark.parametrize("signal", SIGNALS)
def test_an_empty_export_is_well(otlp: OtlpDoor, signal: str, content_type: str) -> None:
    answer = otlp.post(signal, b"", content_type, **{"Content-Type": content_type})
    assert (answer.status_code, answer["Content-Type"]) == (200, content_type)
    assert answer.content == (b"{}" if content_type == JSON else b"")


def test_json_is_read_as_the_protocol_writes_it_and_as_exporters_do(otlp: OtlpDoor) -> None:
    span = a_span(traceId=TRACE.upper(), spanId=SPAN.upper(), parentSpanId=None, events=None, links=[{}], flags=257)
    span |= {"startTimeUnixNano": int(span["startTimeUnixNano"]), "droppedAttributesCount": 3, "futureField": {"a": []}}
    span["attributes"] = [
        {"key": "big", "value": {"intValue": 2**70}}, {"key": "text", "value": {"stringValue": "a\ud800b\x00"}},
        {"key": "none", "value": None}, {"key": "empty", "value": {}}, {"key": "bytes", "value": {"bytesValue": "AA"}},
        {"key": "float", "value": {"doubleValue": "NaN"}}, None,
    ]  # fmt: skip
    body = {"resourceSpans": [None, {"scopeSpans": [None, {"spans": [span, None]}]}]}
    answer = otlp.post("traces", body)
    assert (answer.status_code, answer.json()) == (200, {})
    stored = Span.objects.get()
    assert (stored.trace_id, stored.span_id, stored.parent_span_id) == (TRACE, SPAN, "")
    assert stored.attributes["text"].startswith("a")
    assert stored.attributes["float"] == "NaN"


# --- partial success ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", [JSON, PROTOBUF])
def test_bad_spans_are_counted_and_the_others_kept(otlp: OtlpDoor, content_type: str) -> None:
    good, bad = a_span(), [a_span(traceId="00" * 16), a_span(spanId="ab"), a_span(traceId="0a")]
    body = traces_body(good, *bad)
    before = refused("otlp_invalid")
    answer = otlp.post("traces", protobuf(body) if content_type == PROTOBUF else body, content_type)
    assert answer.status_code == 200
    if content_type == JSON:
        partial = answer.json()["partialSuccess"]
        assert (partial["rejectedSpans"], "traceId is not 32 hex" in partial["errorMessage"]) == ("3", True)
    else:
        told = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert (told.rejected_spans, "spanId is not 16 hex" in told.error_message) == (3, True)
    assert Span.objects.get().span_id == good["spanId"]
    assert sum(DroppedCount.objects.filter(reason="otlp_invalid").values_list("quantity", flat=True)) == 3
    assert refused("otlp_invalid") == before + 3


@pytest.mark.parametrize("signal", SIGNALS)
def test_more_than_one_request_may_bring_is_counted(
    otlp: OtlpDoor, signal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MAX_ITEMS", 2)
    wrap, one = SIGNALS[signal]
    before = refused("otlp_too_many")
    answer = otlp.post(signal, protobuf(wrap(*[one() for _ in range(5)])), PROTOBUF)
    told = RESPONSES[signal].FromString(answer.content).partial_success
    assert (told.rejected_log_records if signal == "logs" else told.rejected_spans) == 3
    assert refused("otlp_too_many") == before + 3
    category = "log_record" if signal == "logs" else "span"
    assert DroppedCount.objects.get(reason="otlp_too_many").category == category
