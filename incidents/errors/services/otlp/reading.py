"""What is read of OTLP bodies: spans and log records with their service, whichever encoding they came in.

Items that cannot be taken are counted by reason instead of losing the others with them (partial success).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from incidents.errors.services.otlp.attributes import Attributes, attributes_read, int_read, long_text_read

MAX_ITEMS = 10_000
MAX_EVENTS = 100
MAX_STACK = 200_000
MAX_BODY = 16_384
MAX_AGE = timedelta(days=30)
MAX_AHEAD = timedelta(days=1)
KINDS = ("unset", "internal", "server", "client", "producer", "consumer")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_HEX = frozenset("0123456789abcdef")
_EXCEPTION = ("exception.type", "exception.message", "exception.stacktrace", "exception.escaped")


@dataclass(frozen=True, slots=True)
class Service:
    """The resource and the scope that items came under."""

    name: str = ""
    version: str = ""
    environment: str = ""
    language: str = ""
    sdk: str = ""
    scope: str = ""
    attributes: Attributes = field(default_factory=Attributes)


@dataclass(frozen=True, slots=True)
class ExceptionSeen:
    """The `exception.*` attributes of a span event or a log record; texts as sent."""

    type: str = ""
    message: str = ""
    stacktrace: str = ""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """`at` in nanoseconds since 1970, 0 when it was not said."""

    name: str
    at: int
    attributes: Attributes
    exception: ExceptionSeen | None


@dataclass(frozen=True, slots=True)
class SpanSeen:
    """`started_at` is aware UTC; `failed`: its status is ERROR, `fine`: its status is OK."""

    service: Service
    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    started_at: datetime
    duration_us: int
    failed: bool
    fine: bool
    status_message: str
    attributes: Attributes
    events: tuple[SpanEvent, ...]
    ended: int

    @property
    def status(self) -> str:
        """`error`, `ok` or `unset`."""
        return "error" if self.failed else "ok" if self.fine else "unset"


@dataclass(frozen=True, slots=True)
class LogSeen:
    """`trace_id` and `span_id` are empty where there are none, or no valid ones (the proto file says so)."""

    service: Service
    trace_id: str
    span_id: str
    at: int
    severity: int
    severity_text: str
    body: str
    event_name: str
    attributes: Attributes
    exception: ExceptionSeen | None


@dataclass(frozen=True, slots=True)
class SpansRead:
    spans: Sequence[SpanSeen]
    rejected: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class LogsRead:
    logs: Sequence[LogSeen]
    rejected: Mapping[str, int]


def _id(value: Any, size: int) -> str:
    """Lower-case hex of an id: bytes (protobuf) or hex of any case (JSON). Empty for none, `?` for a bad one."""
    text = value.hex() if isinstance(value, bytes) else (value or "").lower()
    if not text:
        return ""
    return text if len(text) == size * 2 and not set(text) - _HEX and text.strip("0") else "?"


def _nanos(value: Any) -> int:
    number = int_read(value)
    return number if number is not None and 0 < number < 2**64 else 0


def moment_of(nanos: int, received_at: datetime) -> datetime:
    """A time in nanoseconds as a plausible moment; the time of receipt for one that is missing or far off."""
    if not nanos:
        return received_at
    moment = _EPOCH + timedelta(microseconds=nanos // 1_000)
    return moment if received_at - MAX_AGE <= moment <= received_at + MAX_AHEAD else received_at


def _service(resource: Any) -> Service:
    attributes = attributes_read(resource.attributes if resource is not None else None)
    name = attributes.text("service.name")
    language = attributes.text("telemetry.sdk.language")
    sdk = [part for part in (attributes.text("telemetry.sdk.name"), language) if part]
    version = attributes.text("telemetry.sdk.version")
    return Service(
        name="" if name.startswith("unknown_service") else name,
        version=attributes.text("service.version"),
        environment=attributes.text("deployment.environment.name", "deployment.environment"),
        language=language,
        sdk=f"{'.'.join(sdk)}/{version}" if sdk and version else ".".join(sdk),
        attributes=attributes,
    )


def _scoped(service: Service, scope: Any) -> Service:
    name = (scope.name or "")[:200] if scope is not None else ""
    return replace(service, scope=name) if name else service


def _exception(pairs: Any, *, told: bool) -> ExceptionSeen | None:
    """The exception that attributes tell of; `told`: the event says that it is one, even if no attribute does."""
    seen = {pair.key: pair.value for pair in pairs or () if pair is not None and pair.key in _EXCEPTION}
    if not told and not any(seen.get(name) is not None for name in _EXCEPTION[:3]):
        return None
    return ExceptionSeen(
        type=long_text_read(seen.get("exception.type"), 300),
        message=long_text_read(seen.get("exception.message"), MAX_BODY),
        stacktrace=long_text_read(seen.get("exception.stacktrace"), MAX_STACK),
    )


# --- traces ---------------------------------------------------------------------------------------------------------


def _events(span: Any) -> Iterator[SpanEvent]:
    for event in (span.events or ())[:MAX_EVENTS]:
        if event is not None:
            name = (event.name or "")[:200]
            yield SpanEvent(
                name=name,
                at=_nanos(event.time_unix_nano),
                attributes=attributes_read(event.attributes, without=_EXCEPTION),
                exception=_exception(event.attributes, told=name == "exception"),
            )


def _span(span: Any, service: Service, received_at: datetime) -> SpanSeen | str:
    """The span, or why it is rejected."""
    trace_id, span_id, parent = _id(span.trace_id, 16), _id(span.span_id, 8), _id(span.parent_span_id, 8)
    if trace_id in ("", "?"):
        return "traceId is not 32 hex digits (16 bytes), or all zero"
    if span_id in ("", "?"):
        return "spanId is not 16 hex digits (8 bytes), or all zero"
    started, ended = _nanos(span.start_time_unix_nano), _nanos(span.end_time_unix_nano)
    status = span.status
    code = (status.code or 0) if status is not None else 0
    kind = span.kind or 0
    return SpanSeen(
        service=service,
        trace_id=trace_id,
        span_id=span_id,
        parent_span_id="" if parent == "?" else parent,
        name=(span.name or "")[:300],
        kind=KINDS[kind] if 0 <= kind < len(KINDS) else KINDS[0],
        started_at=moment_of(started or ended, received_at),
        duration_us=min(max(ended - started, 0) // 1_000, 10**15) if started and ended else 0,
        failed=code == 2,
        fine=code == 1,
        status_message=((status.message or "") if status is not None else "")[:MAX_BODY],
        attributes=attributes_read(span.attributes),
        events=tuple(_events(span)),
        ended=ended or started,
    )


def _parts(resources: Any, scopes: str) -> Iterator[tuple[Service, Any]]:
    """(service, what one scope of it sent) for all of a body."""
    for part in resources or ():
        if part is not None and (inner := getattr(part, scopes)):
            service = _service(part.resource)
            yield from ((service, scoped) for scoped in inner if scoped is not None)


def spans_read(*, body: Any, received_at: datetime) -> SpansRead:
    """The spans of an ExportTraceServiceRequest, at most MAX_ITEMS; the others and the bad ones are counted."""
    spans: list[SpanSeen] = []
    rejected: Counter[str] = Counter()
    for part, scoped in _parts(body.resource_spans, "scope_spans"):
        service = _scoped(part, scoped.scope)
        for sent in scoped.spans or ():
            if sent is None:
                continue
            if len(spans) >= MAX_ITEMS:
                rejected[f"more than {MAX_ITEMS} in one request"] += 1
                continue
            seen = _span(sent, service, received_at)
            if isinstance(seen, str):
                rejected[seen] += 1
            else:
                spans.append(seen)
    return SpansRead(spans, rejected)


# --- logs -----------------------------------------------------------------------------------------------------------


def _log(record: Any, service: Service) -> LogSeen:
    trace_id, span_id = _id(record.trace_id, 16).strip("?"), _id(record.span_id, 8).strip("?")
    return LogSeen(
        service=service,
        trace_id=trace_id,
        span_id=span_id if trace_id else "",
        at=_nanos(record.time_unix_nano) or _nanos(record.observed_time_unix_nano),
        severity=record.severity_number or 0,
        severity_text=(record.severity_text or "")[:40],
        body=long_text_read(record.body, MAX_BODY),
        event_name=(record.event_name or "")[:200],
        attributes=attributes_read(record.attributes, without=_EXCEPTION),
        exception=_exception(record.attributes, told=record.event_name == "exception"),
    )


def logs_read(*, body: Any) -> LogsRead:
    """The records of an ExportLogsServiceRequest, at most MAX_ITEMS; the others are counted."""
    logs: list[LogSeen] = []
    rejected: Counter[str] = Counter()
    for part, scoped in _parts(body.resource_logs, "scope_logs"):
        service = _scoped(part, scoped.scope)
        for sent in scoped.log_records or ():
            if sent is None:
                continue
            if len(logs) >= MAX_ITEMS:
                rejected[f"more than {MAX_ITEMS} in one request"] += 1
            else:
                logs.append(_log(sent, service))
    return LogsRead(logs, rejected)
