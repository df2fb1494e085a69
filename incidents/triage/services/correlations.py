"""OpsCorrelatedEvent: cross-component correlation, the answer to "What happened together?" (143, 22-25). Pure.

Each subject reads what it recorded under a correlation id into these events; here they become one story. Nothing is
shaped for a page, and nobody is asked who reads.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from incidents.triage.services.severity import OpsSeverity
from readiness.infra.correlation import sentry_trace_parse, traceparent_parse
from readiness.infra.refusals import Invalid

MAX_ID = 64
TITLE = 200
DOING = frozenset({"span", "error", "job", "outbox", "control"})  # kinds that can fail; the others tell of failures
_HEADER = re.compile(r"^(?:x-correlation-id|traceparent|sentry-trace|rid)\s*[:=]\s*", re.IGNORECASE)
_PAGE = re.compile(r"/correlations/([^?#]+?)/?(?:[?#].*)?$")
_TRACE_ID = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class OpsCorrelatedEvent:
    """One thing that happened under a correlation id. `at` is aware UTC, by the clock of whoever did it.

    `kind`: error, span, report, incident, outbox, job, control, flag, evidence, verdict (an open list). `component`
    and `layer` say where, `ref` what is meant (`err_…`, `INC-12`, a flag's key), `incident` the one that it belongs to.
    `page`: the console page that shows it, as the name of an address and its arguments. `took`: how long a span or a
    job lasted. `parent`: the `ref` of the span above a span.
    """

    at: datetime
    kind: str
    component: str
    layer: str
    severity: OpsSeverity
    title: str
    ref: str
    incident: str | None = None
    page: tuple[str, ...] = ()
    took: timedelta | None = None
    parent: str = ""

    @property
    def failed(self) -> bool:
        return self.kind in DOING and self.severity.rank > 0

    @property
    def ended_at(self) -> datetime:
        return self.at + self.took if self.took else self.at


@dataclass(frozen=True, slots=True)
class CorrelationSlice:
    """What one source knows: its earliest events, and how many rows it has in all (counted to a bound)."""

    source: str
    events: Sequence[OpsCorrelatedEvent]
    shown: int
    total: int


@dataclass(frozen=True, slots=True)
class OpsCorrelation:
    """Everything under one correlation id, in order of time; `components` in the order in which they first appear."""

    correlation_id: str
    started_at: datetime
    ended_at: datetime
    components: tuple[str, ...]
    events: tuple[OpsCorrelatedEvent, ...]
    slices: tuple[CorrelationSlice, ...]

    @property
    def truncated(self) -> bool:
        return any(part.total > part.shown for part in self.slices)

    @property
    def total(self) -> int:
        """Rows of all sources: at least so many, where one is counted to its bound."""
        return sum(part.total for part in self.slices)

    @property
    def worst(self) -> OpsSeverity:
        return max((event.severity for event in self.events), key=lambda severity: severity.rank)

    def offset_ms(self, event: OpsCorrelatedEvent) -> int:
        """Milliseconds from the first event to this one."""
        return round((event.at - self.started_at) / timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True)
class CorrelationPage:
    """Events `begin` + 1 and on, in order; `more`: there is a page behind it, if that may be asked for."""

    events: tuple[OpsCorrelatedEvent, ...]
    begin: int
    more: bool


def correlation_page(*, events: Sequence[OpsCorrelatedEvent], number: int, size: int) -> CorrelationPage:
    """One page of a story that was read for it: with the first `number * size + 1` rows of each source, the first
    `number * size` events of all are the true ones, whichever sources they come from.
    """
    begin, end = (number - 1) * size, number * size
    return CorrelationPage(tuple(events[begin:end]), begin, more=len(events) > end)


def correlation_assemble(*, correlation_id: str, slices: Sequence[CorrelationSlice]) -> OpsCorrelation | None:
    """The story of one correlation from what each source knows of it; None when none knows anything.

    What happened at the same moment stays in the order of the sources: cause before effect.
    """
    events = sorted((event for part in slices for event in part.events), key=lambda event: event.at)
    if not events:
        return None
    return OpsCorrelation(
        correlation_id=correlation_id,
        started_at=events[0].at,
        ended_at=max(event.ended_at for event in events),
        components=tuple(dict.fromkeys(event.component for event in events)),
        events=tuple(events),
        slices=tuple(part for part in slices if part.total),
    )


def title_of(text: str) -> str:
    """The first line of a text, bounded."""
    lines = text.strip().splitlines()
    first = lines[0] if lines else ""
    return first if len(first) <= TITLE else f"{first[: TITLE - 1]}…"


def correlation_id_read(text: str) -> str:
    """The correlation id in what a person pastes or a program asks for: the bare id, a `traceparent` or `sentry-trace`,
    a header line (`X-Correlation-Id: …`), the address of its page. Raises Invalid.
    """
    given = text.strip().strip("\"'`")
    if found := _PAGE.search(given):
        given = unquote(found[1])
    given = _HEADER.sub("", given).strip()
    if trace := traceparent_parse(given) or sentry_trace_parse(given):
        return trace[0]
    if _TRACE_ID.fullmatch(given):
        return given.lower()
    if not given or len(given) > MAX_ID or not given.isprintable():
        raise Invalid(
            f"This is no correlation id: one has 1 to {MAX_ID} characters, mostly 32 of 0-9 and a-f. Paste the header "
            "X-Correlation-Id of an answer, the rid of a log line, a traceparent, or a trace id from an SDK."
        )
    return given
