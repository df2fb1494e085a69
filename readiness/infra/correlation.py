"""Correlation: one id from browser or caller through requests, workers, outgoing calls and errors (91-94, 22-25).

The correlation id is the W3C trace id (32 hex), a span id is 16 hex; both travel as `traceparent`
(https://www.w3.org/TR/trace-context/). Contextvars carry the scope, so threads and coroutines never mix.
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


@dataclass(frozen=True, slots=True)
class CorrelationContext:
    """Where the present work stands in its trace. `correlation_id` is the same for the whole request or workflow."""

    correlation_id: str
    span_id: str
    parent_span_id: str | None
    component: str | None
    started_at: datetime


_current: ContextVar[CorrelationContext | None] = ContextVar("correlation", default=None)


def current_correlation() -> CorrelationContext | None:
    """The scope under way, or None outside any."""
    return _current.get()


def traceparent_parse(header: str | None) -> tuple[str, str] | None:
    """(trace id, parent span id) of a valid W3C header; None for anything else, as the standard asks."""
    found = _TRACEPARENT.match((header or "").strip().lower())
    if not found:
        return None
    version, trace_id, span_id, _flags, more = found.groups()
    if version == "ff" or (version == "00" and more) or set(trace_id) == {"0"} or set(span_id) == {"0"}:
        return None
    return trace_id, span_id


def current_traceparent() -> str | None:
    """The header to send along with outgoing work: `00-<correlation id>-<span id>-01`."""
    context = _current.get()
    return f"00-{context.correlation_id}-{context.span_id}-01" if context else None


def new_correlation(component: str | None = None, traceparent: str | None = None) -> CorrelationContext:
    """A context that continues `traceparent` when it is valid, and starts a trace of its own otherwise."""
    parsed = traceparent_parse(traceparent)
    return CorrelationContext(
        correlation_id=parsed[0] if parsed else secrets.token_hex(16),
        span_id=secrets.token_hex(8),
        parent_span_id=parsed[1] if parsed else None,
        component=component,
        started_at=utcnow(),
    )


@contextmanager
def correlation_scope(component: str | None = None, traceparent: str | None = None) -> Iterator[CorrelationContext]:
    """Establish a scope: a new trace, or the caller's when `traceparent` is given and valid."""
    context = new_correlation(component, traceparent)
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
