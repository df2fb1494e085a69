"""Correlation: one id from browser or caller through requests, workers, outgoing calls and errors (91-94, 22-25).

The correlation id is the W3C trace id (32 hex), a span id is 16 hex; both travel as `traceparent`
(https://www.w3.org/TR/trace-context/). Contextvars carry the scope, so threads and coroutines never mix. Beside it
stands whose work it is: the tenant of the key that called, for the log lines (218).
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from readiness.infra.clock import utcnow

_TRACEPARENT = re.compile(r"^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$")
_SENTRY_TRACE = re.compile(r"^([0-9a-f]{32})-([0-9a-f]{16})(-[01])?$")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class CorrelationContext:
    """Where the present work stands in its trace. `correlation_id` is the same for the whole request or workflow."""

    correlation_id: str
    span_id: str
    parent_span_id: str | None
    component: str | None
    started_at: datetime


_current: ContextVar[CorrelationContext | None] = ContextVar("correlation", default=None)
_tenant: ContextVar[str | None] = ContextVar("tenant", default=None)


def current_correlation() -> CorrelationContext | None:
    """The scope under way, or None outside any."""
    return _current.get()


def current_correlation_id() -> str | None:
    """What a row that says "this was done" records beside its time; None outside any scope."""
    context = _current.get()
    return context.correlation_id if context else None


def continued_correlation_id() -> str | None:
    """The id that the caller itself gave (`traceparent`, `sentry-trace`); None where the trace only starts here.

    What arrives without an id of its own belongs to the caller's trace, and not with all else that arrives at once.
    """
    context = _current.get()
    return context.correlation_id if context and context.parent_span_id else None


def current_tenant() -> str | None:
    """The slug of the tenant whose work this is, None while nobody's."""
    return _tenant.get()


def tenant_note(slug: str | None) -> None:
    """From here to the end of the scope, this is the tenant's work: its log lines say so. Outside a scope: nothing."""
    if _current.get() is not None:
        _tenant.set(slug)


def traceparent_parse(header: str | None) -> tuple[str, str] | None:
    """(trace id, parent span id) of a valid W3C header; None for anything else, as the standard asks."""
    found = _TRACEPARENT.match((header or "").strip().lower())
    if not found:
        return None
    version, trace_id, span_id, _flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return trace_id, span_id


def sentry_trace_parse(header: str | None) -> tuple[str, str] | None:
    """(trace id, parent span id) of a `sentry-trace` header, as Sentry's SDKs send it; None for anything else."""
    found = _SENTRY_TRACE.match((header or "").strip().lower())
    if not found or set(found[1]) == {"0"} or set(found[2]) == {"0"}:
        return None
    return found[1], found[2]


def is_trace_id(text: str) -> bool:
    """Whether it can travel as a W3C trace id: 32 lower-case hex, not all zero."""
    return bool(_TRACE_ID.fullmatch(text)) and set(text) != {"0"}


def current_traceparent() -> str | None:
    """The header to send along with outgoing work: `00-<correlation id>-<span id>-01`."""
    context = _current.get()
    return f"00-{context.correlation_id}-{context.span_id}-01" if context else None


def new_correlation(
    component: str | None = None, traceparent: str | None = None, sentry_trace: str | None = None
) -> CorrelationContext:
    """A context that continues `traceparent` when it is valid, else `sentry_trace`, and else starts a trace."""
    parsed = traceparent_parse(traceparent) if traceparent else None
    if parsed is None and sentry_trace:
        parsed = sentry_trace_parse(sentry_trace)
    return CorrelationContext(
        correlation_id=parsed[0] if parsed else secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_span_id=parsed[1] if parsed else None,
        component=component,
        started_at=utcnow(),
    )


@contextmanager
def correlation_scope(
    component: str | None = None, traceparent: str | None = None, *, tenant: str | None = None
) -> Iterator[CorrelationContext]:
    """Establish a scope: a new trace, or the caller's when `traceparent` is given and valid; `tenant`: whose it is."""
    context = new_correlation(component, traceparent)
    token, whose = _current.set(context), _tenant.set(tenant or _tenant.get())
    try:
        yield context
    finally:
        _tenant.reset(whose)
        _current.reset(token)


@contextmanager
def correlation_continued(
    component: str, *, correlation_id: str | None, span_id: str | None = None
) -> Iterator[CorrelationContext | None]:
    """Work on behalf of something recorded under `correlation_id` (an error of a batch) goes on in that trace.

    An id that is no trace id cannot travel: then the present scope, if any, stays.
    """
    if not correlation_id or not is_trace_id(correlation_id):
        yield _current.get()
        return
    context = CorrelationContext(correlation_id, secrets.token_hex(8), span_id, component, utcnow())
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


@contextmanager
def child_span(name: str) -> Iterator[CorrelationContext]:
    """A span under the present one (`child.parent_span_id == parent.span_id`); outside any scope it starts one."""
    parent = _current.get()
    if parent is None:
        with correlation_scope(name) as context:
            yield context
        return
    context = CorrelationContext(
        correlation_id=parent.correlation_id,
        span_id=secrets.token_hex(8),
        parent_span_id=parent.span_id,
        component=name,
        started_at=utcnow(),
    )
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
