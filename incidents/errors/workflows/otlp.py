"""What OTLP brings: its errors stored like everybody's, and spans that wait for an error of their trace.

A trace is known to have failed only later, often by another request: so all spans wait READINESS_SPAN_BUFFER_MINUTES,
and those whose trace has an error by then (OTLP's or an SDK's) stay READINESS_SPAN_DAYS. Spans are context: what of
them is over a limit is counted and dropped, and errors are taken out of them before.
"""

import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from incidents.errors.models import Span
from incidents.errors.services.captured import CapturedError, Origin
from incidents.errors.services.limit_book import Ref, Window
from incidents.errors.services.limits import minute_of
from incidents.errors.services.otlp.errors import ErrorsFound, Found, found_capture, log_errors, span_errors
from incidents.errors.services.otlp.reading import LogsRead, SpansRead
from incidents.errors.services.otlp.spans import SpanRow, SpansAdmitted, span_rows, spans_admit
from incidents.errors.store import spans as store
from incidents.errors.store.drops import drops_count
from incidents.errors.store.limits import windows_add
from incidents.errors.workflows.limiting import key_admit
from incidents.errors.workflows.scrubbing import capture_rules
from incidents.errors.workflows.storing import errors_store, keys
from readiness.infra.clock import utcnow
from readiness.infra.refusals import Malformed, Unavailable
from readiness.infra.transactions import Session, TransactionIntent, transactional

log = logging.getLogger(__name__)
T = TypeVar("T")

SPANS_PER_TRACE = 500
SPANS_SCOPE = "spans"
_BATCH = 2_000
_TURN_S = 0.05  # between two batches: whoever waits for the database's one writer gets a turn
_FOREVER = 10**9


@dataclass(frozen=True, slots=True)
class OtlpOutcome:
    """How many items of a request were not taken, and why, in words and by number."""

    rejected: Mapping[str, int] = field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.rejected.values())

    @property
    def message(self) -> str:
        reasons = sorted(self.rejected.items(), key=lambda one: -one[1])
        return "; ".join(f"{number} not taken: {reason}" for reason, number in reasons if number)[:1_000]

    @property
    def by_reason(self) -> dict[str, int]:
        """The same by the word that `infra_error_drops` and /metrics have for the reason."""
        counts: dict[str, int] = {}
        for words, number in self.rejected.items():
            counts[_reason(words)] = counts.get(_reason(words), 0) + number
        return counts


# --- logs and traces ------------------------------------------------------------------------------------------------


def logs_store(*, read: LogsRead, origin: Origin, received_at: datetime) -> OtlpOutcome:
    """Store the errors among the records; returns after the commit. Raises CaptureLimited, Unavailable."""
    found = log_errors(logs=read.logs, received_at=received_at)
    rejected = {**read.rejected, **_over(found)}
    captured = _captured(found.found, origin, received_at, rejected)
    _errors_admit_and_store(captured, origin)
    _rejected_count(origin, "log_record", rejected)
    return OtlpOutcome(rejected)


def traces_store(*, read: SpansRead, origin: Origin, received_at: datetime) -> OtlpOutcome:
    """Store the errors in the spans, then the spans; returns after both commits. Raises CaptureLimited, Unavailable.

    A request that fails between the two is sent again by its exporter: its errors are known then, and counted once.
    """
    found = span_errors(spans=read.spans, received_at=received_at)
    rejected = {**read.rejected, **_over(found)}
    silent = {one.trace_id for one in found.found if one.silent}
    known = _traces_failing_read(origin.project_id, silent, received_at)
    news = [one for one in found.found if not (one.silent and one.trace_id in known)]
    captured = _captured(news, origin, received_at, rejected)
    _errors_admit_and_store(captured, origin)
    failing = {one.trace_id for one in found.found}
    rules = capture_rules(origin.project_id).rules
    rows = span_rows(
        spans=read.spans, project_id=origin.project_id, failing=failing, received_at=received_at, rules=rules
    )
    admitted = _spans_store(rows, received_at)
    if admitted.over_minute:
        rejected[_words_minute()] = admitted.over_minute
    if admitted.over_trace:
        rejected[f"their trace has {SPANS_PER_TRACE} spans already; errors in them were kept"] = admitted.over_trace
    _rejected_count(origin, "span", rejected)
    return OtlpOutcome(rejected)


def _words_minute() -> str:
    limit = settings.READINESS_SPANS_PER_MINUTE
    return f"over the limit of {limit} spans a minute (READINESS_SPANS_PER_MINUTE); errors in them were kept"


def _over(found: ErrorsFound) -> dict[str, int]:
    return {f"more than {len(found.found)} errors in one request": found.over} if found.over else {}


def _captured(
    found: Sequence[Found], origin: Origin, received_at: datetime, rejected: dict[str, int]
) -> list[CapturedError]:
    captured, rules = [], capture_rules(origin.project_id)
    for one in found:
        try:
            captured.append(found_capture(found=one, origin=origin, keys=keys(), received_at=received_at, rules=rules))
        except Malformed as refusal:
            rejected[refusal.detail] = rejected.get(refusal.detail, 0) + 1
    return captured


def _errors_admit_and_store(captured: Sequence[CapturedError], origin: Origin) -> None:
    key_admit(project_id=origin.project_id, key_kind=origin.key_kind, key_id=origin.key_id, errors=len(captured))
    errors_store(captured)


def _rejected_count(origin: Origin, category: str, rejected: Mapping[str, int]) -> None:
    if rejected:
        drops = [(category, _reason(words), number) for words, number in rejected.items()]
        _or_unavailable(lambda: rejected_record(origin=origin, drops=drops))


def _reason(words: str) -> str:
    """The word of `infra_error_drops` for one of our reasons."""
    if words.startswith("over the limit"):
        return "span_limit"
    if words.startswith("their trace has"):
        return "span_trace_full"
    return "otlp_too_many" if words.startswith("more than") else "otlp_invalid"


@transactional(TransactionIntent.ATOMIC_WRITE)
def rejected_record(session: Session, *, origin: Origin, drops: Sequence[tuple[str, str, int]]) -> None:
    """Count what was not taken, by reason."""
    drops_count(
        project_id=origin.project_id, at=utcnow(), source="console", drops=drops, key_kind=origin.key_kind,
        key_id=origin.key_id,
    )  # fmt: skip


# --- spans ----------------------------------------------------------------------------------------------------------


def _traces_failing_read(project_id: int, trace_ids: Collection[str], received_at: datetime) -> set[str]:
    return _or_unavailable(lambda: traces_failing_read(project_id=project_id, trace_ids=trace_ids, at=received_at))


@transactional(TransactionIntent.READ_ONLY)
def traces_failing_read(session: Session, *, project_id: int, trace_ids: Collection[str], at: datetime) -> set[str]:
    """Those of the traces that have an error stored, of the last day."""
    since = at - store.ERROR_BEFORE
    return store.traces_failing(project_id=project_id, trace_ids=trace_ids, since=since) if trace_ids else set()


def _spans_store(rows: Sequence[SpanRow], received_at: datetime) -> SpansAdmitted:
    return _or_unavailable(lambda: spans_commit(rows=rows, at=received_at)) if rows else SpansAdmitted(())


@transactional(TransactionIntent.ATOMIC_WRITE)
def spans_commit(session: Session, *, rows: Sequence[SpanRow], at: datetime) -> SpansAdmitted:
    """Store the spans of one request, of one project, as far as there is room for them."""
    project_id, limit = rows[0].project_id, settings.READINESS_SPANS_PER_MINUTE
    room = _FOREVER
    if limit:
        window = Window(minute_of(at.timestamp()), Ref(project_id, SPANS_SCOPE, ""), len(rows), 0)
        (total,) = windows_add([window]).values()
        room = max(limit - (total - len(rows)), 0)
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.trace_id] = sizes.get(row.trace_id, 0) + 1
    counts = store.span_counts(project_id=project_id, trace_ids=sizes)
    full = [trace_id for trace_id, size in sizes.items() if size + counts.get(trace_id, 0) > SPANS_PER_TRACE]
    known = store.span_keys(project_id=project_id, trace_ids=full) if full else set()
    admitted = spans_admit(rows=rows, room=room, counts=counts, known=known, per_trace=SPANS_PER_TRACE)
    store.spans_insert(admitted.rows)
    return admitted


def _or_unavailable(work: Callable[[], T]) -> T:
    """Asked once more over a fresh connection; then the sender is told to come again."""
    try:
        return work()
    except (OperationalError, InterfaceError):
        connection.close()
    try:
        return work()
    except (OperationalError, InterfaceError) as down:
        connection.close()
        log.error("OTLP could not be stored: %s", down)
        raise Unavailable(
            "The database cannot be reached; nothing is lost if you send it again.", headers={"Retry-After": "5"}
        ) from down


@transactional(TransactionIntent.READ_ONLY)
def trace_spans_read(session: Session, *, project_id: int, trace_id: str) -> list[Span]:
    """What is stored of a trace, the earliest span first: at most SPANS_PER_TRACE."""
    return store.spans_of_trace(project_id=project_id, trace_id=trace_id, limit=SPANS_PER_TRACE)


# --- keeping and forgetting -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpansSifted:
    """`kept`: spans of traces that failed; `dropped`: of traces that did not; `forgotten`: past their days."""

    kept: int = 0
    dropped: int = 0
    forgotten: int = 0


def spans_sift() -> SpansSifted:
    """Decide on the spans that have waited long enough, and forget those past their days; batch by batch."""
    now = utcnow()
    waited = now - timedelta(minutes=settings.READINESS_SPAN_BUFFER_MINUTES)
    kept = dropped = forgotten = 0
    while batch := waiting_decide(before=waited):
        kept, dropped = kept + batch.kept, dropped + batch.dropped
        time.sleep(_TURN_S)
    while gone := kept_forget(before=now - timedelta(days=settings.READINESS_SPAN_DAYS)):
        forgotten += gone
        time.sleep(_TURN_S)
    return SpansSifted(kept, dropped, forgotten)


@transactional(TransactionIntent.ATOMIC_WRITE)
def waiting_decide(session: Session, *, before: datetime) -> SpansSifted | None:
    """Keep or drop one batch of traces; None when nothing has waited since before then."""
    waiting = store.traces_waiting(before=before, limit=_BATCH)
    kept = dropped = 0
    for project_id, trace_ids in waiting.items():
        failing = store.traces_failing(
            project_id=project_id, trace_ids=trace_ids, since=before - store.ERROR_BEFORE
        )  # fmt: skip
        kept += store.spans_keep(project_id=project_id, trace_ids=failing)
        dropped += store.spans_drop(project_id=project_id, trace_ids=trace_ids - failing, before=before)
    return SpansSifted(kept, dropped) if waiting else None


@transactional(TransactionIntent.ATOMIC_WRITE)
def kept_forget(session: Session, *, before: datetime) -> int:
    """Forget one batch of kept spans from before then; how many."""
    return store.spans_forget(before=before, limit=_BATCH)
