"""Spans as they are kept: what surrounds an error, scrubbed, small, and no more of it than was agreed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from incidents.errors.services.otlp.reading import SpanSeen
from incidents.errors.services.otlp.shaping import span_name
from readiness.infra.redaction import FLOOR, Rules, is_suspect, scrub

MAX_NAME = 200
MAX_ATTRIBUTES = 20
MAX_TEXT = 200


@dataclass(frozen=True, slots=True)
class SpanRow:
    """One row of `infra_spans`; `attributes` is encoded JSON. `failing`: its trace is known to have failed."""

    project_id: int
    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    component: str
    kind: str
    status: str
    started_at: datetime
    duration_us: int
    attributes: str
    created_at: datetime
    failing: bool


def _attributes(span: SpanSeen) -> dict[str, Any]:
    """What says what the span did: single words and numbers, and how it failed."""
    kept: dict[str, Any] = {}
    if span.failed and span.status_message:
        kept["status"] = span.status_message.strip().splitlines()[0][:MAX_TEXT] if span.status_message.strip() else ""
    raised = next((event.exception for event in reversed(span.events) if event.exception), None)
    if raised is not None and (raised.type or raised.message):
        kept["exception"] = f"{raised.type}: {raised.message}".strip(": ")[:MAX_TEXT]
    for name, value in span.attributes.kept.items():
        if len(kept) >= MAX_ATTRIBUTES:
            break
        if isinstance(value, str | int | float | bool) and name != "code.stacktrace":
            kept[name] = value[:MAX_TEXT] if isinstance(value, str) else value
    return kept


def _plain(text: str, limit: int) -> str:
    return text.replace("\x00", "")[:limit]


def span_rows(
    *,
    spans: Sequence[SpanSeen],
    project_id: int,
    failing: Collection[str],
    received_at: datetime,
    rules: Rules = FLOOR,
) -> list[SpanRow]:
    """The rows of one export, scrubbed. One look over all of it; only a suspect export is looked at span by span."""
    texts: list[Any] = [[span_name(span), span.service.name or span.service.scope, _attributes(span)] for span in spans]
    if texts and (rules.key is not None or rules.value is not None or is_suspect(msgspec.json.encode(texts))):
        texts = [scrub(text, rules) for text in texts]
    rows = []
    for span, (name, component, attributes) in zip(spans, texts, strict=True):
        rows.append(
            SpanRow(
                project_id=project_id,
                trace_id=span.trace_id,
                span_id=span.span_id,
                parent_span_id=span.parent_span_id,
                name=_plain(name, MAX_NAME),
                component=_plain(component, MAX_NAME),
                kind=span.kind,
                status=span.status,
                started_at=span.started_at,
                duration_us=span.duration_us,
                attributes=msgspec.json.encode(attributes).replace(b"\\u0000", b"").decode(),
                created_at=received_at,
                failing=span.trace_id in failing,
            )
        )
    return rows


@dataclass(frozen=True, slots=True)
class SpansAdmitted:
    """`rows` to insert; how many more were over the project's minute, and over their trace's size."""

    rows: Sequence[SpanRow]
    over_minute: int = 0
    over_trace: int = 0


def spans_admit(
    *,
    rows: Sequence[SpanRow],
    room: int,
    counts: Mapping[str, int],
    known: Collection[tuple[str, str]],
    per_trace: int,
) -> SpansAdmitted:
    """Which of the rows there is room for, those of failing traces first. `room`: what the project's minute has left;
    `counts`: spans stored by trace; `known`: (trace, span) stored before, of traces that are about full: they are a
    retry's, and neither stored nor refused again.
    """
    sizes = dict(counts)
    admitted: list[SpanRow] = []
    over_minute = over_trace = 0
    for row in sorted(rows, key=lambda row: not row.failing):
        if (row.trace_id, row.span_id) in known:
            continue
        size = sizes.get(row.trace_id, 0)
        if size >= per_trace:
            over_trace += 1
        elif len(admitted) >= room:
            over_minute += 1
        else:
            sizes[row.trace_id] = size + 1
            admitted.append(row)
    return SpansAdmitted(admitted, over_minute, over_trace)
