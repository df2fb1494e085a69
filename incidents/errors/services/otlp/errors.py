"""The errors that OTLP tells of: exceptions of spans and logs, error logs, and requests that failed without a word.

Each becomes the Sentry event that an SDK would have sent for it, and goes the way of all events: one scrubbing, one
classification, one grouping, one set of founders' rules.

Which are errors
- an exception event of a span; a warning where the span's status is OK all the same (it was dealt with);
- a log record of severity ERROR (17) or worse, and one with `exception.*` attributes whatever its severity;
- the status ERROR of an entry span (server, consumer, or a root), where no exception of its trace is known: the deepest
  such span of the export. A failing client or inner span under an entry that went well was retried or handled.

What is one occurrence
OpenTelemetry records an exception on every span that it passes through, and once more in a log. Type, message, place
raised, trace and minute make an occurrence, whichever span or signal told of it first, and a retried export is the
same again. Inside one export, spans of which neither is above the other failed by themselves (three calls, three
timeouts) and count apart; across exports that cannot be told, and the same failure of one trace in one minute counts
once. What has no exception, or no trace, goes by its exact time. An exception raised from another one is another one.
"""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import msgspec

from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.normalising import Keys, content_hmac, sentry_capture
from incidents.errors.services.otlp.attributes import attributes_join
from incidents.errors.services.otlp.reading import ExceptionSeen, LogSeen, Service, SpanEvent, SpanSeen
from incidents.errors.services.otlp.shaping import (
    ENTRY_KINDS,
    MAX_CRUMBS,
    event_shape,
    exception_fingerprint,
    exceptions_shape,
    link_shape,
    service_fingerprint,
    span_name,
    type_split,
)
from incidents.errors.services.otlp.stacks import Stack, StackLink, stack_read

MAX_ERRORS = 1_000
ERROR_SEVERITY = 17
_MINUTE = 60 * 10**9
_MAX_DEPTH = 200
_TEXT_LEVELS = (("fatal", "fatal"), ("crit", "fatal"), ("emerg", "fatal"), ("err", "error"), ("severe", "error"))


@dataclass(frozen=True, slots=True)
class Found:
    """`event`: a Sentry event; `identity`: what makes it the same occurrence. `silent`: only a status tells of it, so
    it is nothing new where an error of its trace is stored.
    """

    event: dict[str, Any]
    identity: tuple[Any, ...]
    trace_id: str = ""
    silent: bool = False


@dataclass(frozen=True, slots=True)
class ErrorsFound:
    """`over`: errors beyond what one request may bring."""

    found: Sequence[Found]
    over: int = 0


def found_capture(*, found: Found, origin: Origin, keys: Keys, received_at: datetime, **rules: Any) -> CapturedError:
    """The error as capture stores it; `rules` as sentry_capture takes them. Raises Malformed."""
    identity = msgspec.json.encode(found.identity)
    event_id = hmac.digest(keys.hash_key, b"otlp:" + identity, "sha256").hex()[:32]
    captured = sentry_capture(
        payload=msgspec.json.encode(found.event),
        event_id=event_id,
        sent_at=None,
        origin=origin,
        keys=keys,
        received_at=received_at,
        **rules,
    )
    # By what it is and not by how it was told: log and span of one exception differ in every other word.
    return replace(captured, content_hmac=content_hmac(identity, keys.hash_key))


# --- spans ----------------------------------------------------------------------------------------------------------


class _Traces:
    """The spans of one export, by their place in their traces."""

    def __init__(self, spans: Sequence[SpanSeen]) -> None:
        self.spans = {(span.trace_id, span.span_id): span for span in spans}

    def above(self, span: SpanSeen) -> Iterator[SpanSeen]:
        """The span and what this export knows above it, outwards."""
        at: SpanSeen | None = span
        for _ in range(_MAX_DEPTH):
            if at is None:
                return
            yield at
            at = self.spans.get((at.trace_id, at.parent_span_id)) if at.parent_span_id else None

    def entry(self, span: SpanSeen) -> SpanSeen:
        """The request or message in which it happened; else the outermost span that is known."""
        last = span
        for last in self.above(span):
            if last.kind in ENTRY_KINDS:
                break
        return last


class _Occurrences:
    """Where one exception of one trace failed by itself: each place is one occurrence, what is above it is the same."""

    def __init__(self) -> None:
        self.count = 0
        self._places: set[str] = set()
        self._above: set[str] = set()

    def enter(self, path: Sequence[str]) -> int | None:
        """The number of a new occurrence at the first span of the path; None where it has been told before."""
        if path[0] in self._above or not self._places.isdisjoint(path):
            return None
        self._places.add(path[0])
        self._above.update(path)
        self.count += 1
        return self.count - 1


def span_errors(*, spans: Sequence[SpanSeen], received_at: datetime) -> ErrorsFound:
    """The errors of one export of spans, in order of their time; what failed without a word comes last."""
    traces = _Traces(spans)
    read = cache(stack_read)  # the same text may come with each span on the way up
    told: dict[tuple[Any, ...], _Occurrences] = {}
    found: list[Found] = []
    seen = [(event.at or span.ended, span, event) for span in spans for event in span.events if event.exception]
    seen.sort(key=lambda one: one[0])
    for at, span, event in seen[:MAX_ERRORS]:
        assert event.exception is not None
        exception, stack = _completed(event.exception, span.service, read)
        base = _identity(span.trace_id, exception, stack, at=at, received_at=received_at)
        number = told.setdefault(base, _Occurrences()).enter([above.span_id for above in traces.above(span)])
        if number is not None:
            sentry = _span_event(traces, span, event, exception, stack, at=at)
            found.append(Found(sentry, (*base, number), trace_id=span.trace_id))
    loud = {span.trace_id for _, span, _ in seen}
    silent = [span for span in _failed_entries(traces, spans) if span.trace_id not in loud]
    found += [_silent(traces, span) for span in silent[:MAX_ERRORS]]
    return ErrorsFound(found, over=max(len(seen) - MAX_ERRORS, 0) + max(len(silent) - MAX_ERRORS, 0))


def _span_event(
    traces: _Traces, span: SpanSeen, event: SpanEvent, exception: ExceptionSeen, stack: Stack, *, at: int
) -> dict[str, Any]:
    entry = traces.entry(span)
    return event_shape(
        service=span.service,
        attributes=attributes_join(span.attributes, event.attributes),
        entry=entry,
        exceptions=exceptions_shape(exception, stack),
        fingerprint=exception_fingerprint(exception, stack, span.service),
        level="warning" if span.fine else "error",
        at=at,
        trace=(span.trace_id, span.span_id),
        otel={"span": span.name, "kind": span.kind, "status": span.status},
        crumbs=[(e.at, "span event", e.name) for e in span.events if not e.exception and e.at <= at],
    )


def _failed_entries(traces: _Traces, spans: Sequence[SpanSeen]) -> list[SpanSeen]:
    """Entry spans with status ERROR, without those that have another such one below them."""
    entries = [span for span in spans if span.failed and (span.kind in ENTRY_KINDS or not span.parent_span_id)]
    outer = {(above.trace_id, above.span_id) for span in entries for above in list(traces.above(span))[1:]}
    return [span for span in entries if (span.trace_id, span.span_id) not in outer]


def _silent(traces: _Traces, span: SpanSeen) -> Found:
    code = span.attributes.text("http.response.status_code", "http.status_code", "rpc.grpc.status_code")
    what = span.status_message or (f"answered {code}" if code else "failed")
    said = f"{span_name(span)}: {what}"
    kind = span.attributes.text("error.type")
    named = kind and not kind.isdigit() and kind != "_OTHER"
    event = event_shape(
        service=span.service,
        attributes=span.attributes,
        entry=traces.entry(span),
        exceptions=[link_shape(kind, said, ())] if named else [],
        said=said,
        fingerprint=service_fingerprint(span.service),
        level="error",
        at=span.ended,
        trace=(span.trace_id, span.span_id),
        otel={"span": span.name, "kind": span.kind, "status": span.status},
        crumbs=[(e.at, "span event", e.name) for e in span.events],
    )
    return Found(event, ("status", span.trace_id, span.span_id, span.ended), trace_id=span.trace_id, silent=True)


# --- logs -----------------------------------------------------------------------------------------------------------


def log_errors(*, logs: Sequence[LogSeen], received_at: datetime) -> ErrorsFound:
    """The errors among the records of one export."""
    read = cache(stack_read)
    times: dict[tuple[Any, ...], int] = {}
    before: dict[str, list[tuple[int, str, str]]] = {}
    found: list[Found] = []
    over = 0
    for record in logs:
        crumbs = before.setdefault(record.trace_id, [])
        level = _level(record)
        if level is not None and len(found) >= MAX_ERRORS:
            over += 1
        elif level is not None:
            exception, stack, said = _log_exception(record, read)
            base = _log_identity(record, exception, stack, said, received_at=received_at)
            number = times[base] = times.get(base, -1) + 1
            # A trace's exception counts once, however often it is logged on its way; other records each by themselves.
            if number == 0 or base[0] != "exception":
                event = _log_event(record, exception, stack, said, level=level, crumbs=crumbs)
                found.append(Found(event, (*base, number), trace_id=record.trace_id))
        if record.trace_id and record.body:
            crumbs.append((record.at, record.severity_text or "log", record.body.splitlines()[0][:300]))
            del crumbs[:-MAX_CRUMBS]
    return ErrorsFound(found, over)


def _level(record: LogSeen) -> str | None:
    """The Sentry level of a record that is an error, None for any other."""
    severity = record.severity
    if severity >= 21:
        return "fatal"
    if severity >= ERROR_SEVERITY:
        return "error"
    text = record.severity_text.lower()
    said = next((level for word, level in _TEXT_LEVELS if text.startswith(word)), None)
    if severity == 0 and said:
        return said
    if record.exception is None:
        return None
    return "error" if severity == 0 else "warning" if severity >= 13 else "info" if severity >= 9 else "debug"


def _log_exception(record: LogSeen, read: Any) -> tuple[ExceptionSeen | None, Stack, str]:
    """(exception, stack, what the record says besides). Appenders that put the stack into the text are understood."""
    if record.exception is not None:
        return *_completed(record.exception, record.service, read), record.body
    if "\n" in record.body:
        stack = read(text=record.body, language=record.service.language)
        if any(link.frames for link in stack.links):
            lines = record.body.strip().splitlines()
            raised = stack.links[-1]
            told = lines[0].strip() if raised.type not in lines[0] and "Traceback" not in lines[0] else ""
            return ExceptionSeen(raised.type, raised.value or told, record.body), stack, told
    return None, Stack(), record.body


def _log_identity(
    record: LogSeen, exception: ExceptionSeen | None, stack: Stack, said: str, *, received_at: datetime
) -> tuple[Any, ...]:
    if exception is not None and record.trace_id:
        return _identity(record.trace_id, exception, stack, at=record.at, received_at=received_at)
    at = record.at or int(received_at.timestamp()) // 60
    what = (exception.type, exception.message, _site(stack)) if exception else ()
    return ("log", record.trace_id, record.span_id, record.service.name, record.service.scope, said, at, *what)


def _log_event(
    record: LogSeen,
    exception: ExceptionSeen | None,
    stack: Stack,
    said: str,
    *,
    level: str,
    crumbs: Sequence[tuple[int, str, str]],
) -> dict[str, Any]:
    last = [(record.at, "log", said)] if exception and said and said != exception.message else []
    return event_shape(
        service=record.service,
        attributes=record.attributes,
        entry=None,
        exceptions=exceptions_shape(exception, stack) if exception else [],
        said="" if exception and exception.message else (said or record.event_name or "An error without a message"),
        fingerprint=exception_fingerprint(exception, stack, record.service),
        level=level,
        at=record.at,
        trace=(record.trace_id, record.span_id),
        otel={"severity": record.severity_text or str(record.severity), "event": record.event_name},
        crumbs=[*crumbs, *last],
    )


# --- exceptions -----------------------------------------------------------------------------------------------------


def _completed(exception: ExceptionSeen, service: Service, read: Any) -> tuple[ExceptionSeen, Stack]:
    """The exception with what its stack knows better. (Python's log handler sends the first argument for a message:
    `total` for what everybody else calls `'total'`.)
    """
    stack: Stack = read(text=exception.stacktrace, language=service.language) if exception.stacktrace else Stack()
    raised = stack.links[-1] if stack.links else StackLink()
    same = not exception.type or type_split(raised.type)[1] == type_split(exception.type)[1]
    knows_better = same and exception.message in raised.value
    return replace(
        exception,
        type=exception.type or raised.type,
        message=raised.value if knows_better else exception.message,
    ), stack


def _site(stack: Stack) -> str:
    """Where it was raised; a goroutine's stack says only where somebody took note of it."""
    if not stack.links or stack.language == "go" or not stack.links[-1].frames:
        return ""
    frame = stack.links[-1].frames[-1]
    return f"{frame.place}:{frame.lineno}"


def _identity(
    trace_id: str, exception: ExceptionSeen, stack: Stack, *, at: int, received_at: datetime
) -> tuple[Any, ...]:
    minute = at // _MINUTE if at else int(received_at.timestamp()) // 60
    said = exception.message.strip().partition("\n")[0]
    return ("exception", trace_id, type_split(exception.type)[1], said, _site(stack), minute)
