"""OTLP bodies, protobuf and JSON, as messages of one shape: attribute names of the proto files for both.

The JSON is OTLP's own (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding): lowerCamelCase, hex ids,
enums as numbers, 64-bit integers as strings or numbers, unknown fields ignored. A message of two bytes may cost a
hundred and fifty once decoded, so what a large body holds is counted before it is made.
"""

import json
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from msgspec import Struct
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from readiness.infra.refusals import Malformed, TooLarge

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MAX_MESSAGES = 400_000
_COUNTED_BYTES = 262_144  # what a smaller body can cost is little enough
_PATIENT_BYTES = 1_048_576


class Signal(StrEnum):
    LOGS = "logs"
    TRACES = "traces"


# --- JSON -----------------------------------------------------------------------------------------------------------

Number = int | str | float | None


class _Message(Struct, rename="camel"):
    """A message in OTLP/JSON; null stands for the default, as in proto3's JSON."""


class AnyValue(_Message):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: Number = None
    double_value: float | str | None = None
    array_value: "ArrayValue | None" = None
    kvlist_value: "KeyValueList | None" = None
    bytes_value: str | None = None


class ArrayValue(_Message):
    values: list[AnyValue | None] | None = None


class KeyValue(_Message):
    key: str | None = None
    value: AnyValue | None = None


class KeyValueList(_Message):
    values: list[KeyValue | None] | None = None


class Resource(_Message):
    attributes: list[KeyValue | None] | None = None


class Scope(_Message):
    name: str | None = None
    version: str | None = None


class Event(_Message):
    time_unix_nano: Number = None
    name: str | None = None
    attributes: list[KeyValue | None] | None = None


class Status(_Message):
    message: str | None = None
    code: int | None = None


class Span(_Message):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | None = None
    start_time_unix_nano: Number = None
    end_time_unix_nano: Number = None
    attributes: list[KeyValue | None] | None = None
    events: list[Event | None] | None = None
    status: Status | None = None


class LogRecord(_Message):
    time_unix_nano: Number = None
    observed_time_unix_nano: Number = None
    severity_number: int | None = None
    severity_text: str | None = None
    body: AnyValue | None = None
    attributes: list[KeyValue | None] | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class ScopeSpans(_Message):
    scope: Scope | None = None
    spans: list[Span | None] | None = None


class ScopeLogs(_Message):
    scope: Scope | None = None
    log_records: list[LogRecord | None] | None = None


class ResourceSpans(_Message):
    resource: Resource | None = None
    scope_spans: list[ScopeSpans | None] | None = None


class ResourceLogs(_Message):
    resource: Resource | None = None
    scope_logs: list[ScopeLogs | None] | None = None


class TracesBody(_Message):
    resource_spans: list[ResourceSpans | None] | None = None


class LogsBody(_Message):
    resource_logs: list[ResourceLogs | None] | None = None


_json: dict[Signal, msgspec.json.Decoder[Any]] = {
    Signal.LOGS: msgspec.json.Decoder(LogsBody),
    Signal.TRACES: msgspec.json.Decoder(TracesBody),
}


def _json_decode(body: bytes, signal: Signal) -> Any:
    if len(body) > _COUNTED_BYTES and body.count(b"{") > MAX_MESSAGES:
        raise _too_many()
    if not body.strip():
        body = b"{}"
    try:
        return _json[signal].decode(body)
    except RecursionError as deep:
        raise Malformed("The body is nested too deeply to be read.") from deep
    except (msgspec.DecodeError, UnicodeDecodeError) as broken:
        mended = _without_lone_surrogates(body) if len(body) <= _PATIENT_BYTES else None
        if mended is None:
            raise Malformed(f"The body is no OTLP/JSON: {str(broken)[:200]}.") from broken
    try:
        return _json[signal].decode(mended)
    except (msgspec.DecodeError, RecursionError) as broken:
        raise Malformed(f"The body is no OTLP/JSON: {str(broken)[:200]}.") from broken


def _without_lone_surrogates(body: bytes) -> bytes | None:
    """The same JSON with replacement characters for what is no Unicode; None where that is not what is wrong."""
    try:
        text = json.dumps(json.loads(body.decode("utf-8", "replace")), ensure_ascii=False)
        mended = text.encode("utf-8", "replace")
    except (ValueError, RecursionError):
        return None
    return mended if mended != body else None


# --- protobuf -------------------------------------------------------------------------------------------------------

_REQUESTS: dict[Signal, type[Message]] = {
    Signal.LOGS: ExportLogsServiceRequest,
    Signal.TRACES: ExportTraceServiceRequest,
}


@cache
def _inner(descriptor: Descriptor) -> dict[int, Descriptor]:
    """field number → what its messages are, for the fields that hold messages."""
    return {field.number: field.message_type for field in descriptor.fields if field.message_type is not None}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise IndexError


def _messages_count(data: bytes, descriptor: Descriptor) -> int:
    """Length-delimited fields in it, down through all messages, up to MAX_MESSAGES + 1. Raises IndexError for a body
    that does not hold together (the decoder will say what is wrong).
    """
    waiting = [(0, len(data), descriptor)]
    count = 0
    while waiting and count <= MAX_MESSAGES:
        at, end, kind = waiting.pop()
        inner = _inner(kind)
        while at < end:
            tag, at = _varint(data, at)
            wire = tag & 7
            if wire == 2:
                size, at = _varint(data, at)
                count += 1
                if size and (below := inner.get(tag >> 3)) is not None:
                    waiting.append((at, min(at + size, end), below))
                at += size
                if count > MAX_MESSAGES:
                    break
            elif wire == 0:
                _, at = _varint(data, at)
            elif wire in (1, 5):
                at += 8 if wire == 1 else 4
            else:
                raise IndexError
    return count


def _protobuf_decode(body: bytes, signal: Signal) -> Any:
    kind = _REQUESTS[signal]
    if len(body) > _COUNTED_BYTES:
        try:
            if _messages_count(body, kind.DESCRIPTOR) > MAX_MESSAGES:
                raise _too_many()
        except IndexError as broken:
            raise Malformed("The body is no protobuf message; it was cut off or damaged on its way.") from broken
    try:
        return kind.FromString(body)
    except (DecodeError, RecursionError) as broken:
        name = kind.DESCRIPTOR.name
        raise Malformed(f"The body is no {name} in protobuf: {str(broken)[:200]}.") from broken


def _too_many() -> TooLarge:
    return TooLarge(f"The body holds more than {MAX_MESSAGES} messages; send smaller batches.")


def body_decode(*, body: bytes, content_type: str, signal: Signal) -> Any:
    """The request's message; its fields are read by the proto files' names whichever encoding it came in. An empty body
    is an empty request. Raises Malformed, TooLarge.
    """
    return _json_decode(body, signal) if content_type == JSON else _protobuf_decode(body, signal)
