"""What OTLP/HTTP answers (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response): the export's response message,
or a google.rpc.Status, in the encoding of the request.
"""

from typing import Any

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from incidents.errors.services.otlp.bodies import JSON, Signal
from readiness.infra.refusals import Refusal

BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
# https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 413: 3, 415: 3, 429: 8, 503: 14}
_UNKNOWN = 2


def export_answer(*, signal: Signal, content_type: str, rejected: int, message: str) -> bytes:
    """Export…ServiceResponse; `partial_success` only where something was rejected, or there is something to say."""
    partial = rejected > 0 or bool(message)
    if content_type == JSON:
        name = "rejectedLogRecords" if signal is Signal.LOGS else "rejectedSpans"
        count = {name: str(rejected)} if rejected else {}  # int64 is a string in proto3's JSON
        return msgspec.json.encode({"partialSuccess": {**count, "errorMessage": message}} if partial else {})
    if signal is Signal.LOGS:
        logs = ExportLogsServiceResponse()
        if partial:
            logs.partial_success.rejected_log_records, logs.partial_success.error_message = rejected, message
        return bytes(logs.SerializeToString())
    traces = ExportTraceServiceResponse()
    if partial:
        traces.partial_success.rejected_spans, traces.partial_success.error_message = rejected, message
    return bytes(traces.SerializeToString())


def status_answer(*, refusal: Refusal, content_type: str) -> bytes:
    """google.rpc.Status {code, message, details}; a 400 details what is bad about the body (google.rpc.BadRequest)."""
    code = _CODES.get(refusal.status, _UNKNOWN)
    violations = [(error.pointer, error.detail) for error in refusal.errors] or [("body", refusal.detail)]
    bad = violations if refusal.status == 400 else []
    if content_type == JSON:
        status: dict[str, Any] = {"code": code, "message": refusal.detail}
        if bad:
            fields = [{"field": field, "description": text} for field, text in bad]
            status["details"] = [{"@type": BAD_REQUEST, "fieldViolations": fields}]
        return msgspec.json.encode(status)
    encoded = b"\x08" + bytes([code]) + _delimited(2, refusal.detail.encode("utf-8", "replace"))
    if bad:
        body = b"".join(_delimited(1, _text(1, field) + _text(2, text)) for field, text in bad)
        encoded += _delimited(3, _text(1, BAD_REQUEST) + _delimited(2, body))
    return encoded


def _text(number: int, text: str) -> bytes:
    return _delimited(number, text.encode("utf-8", "replace"))


def _delimited(number: int, data: bytes) -> bytes:
    """One length-delimited field of the protobuf wire format: Status is three fields, not worth a package more."""
    size, length = len(data), bytearray()
    while size > 127:
        length.append(size & 127 | 128)
        size >>= 7
    length.append(size)
    return bytes([number << 3 | 2]) + bytes(length) + data
