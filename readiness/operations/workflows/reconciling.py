"""Reconciliation: hold destinations against their sources, put them right, and tell when they drift (235-237)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings

from incidents.errors.services.rollups import RollupKey
from incidents.errors.workflows import rollups_compare, rollups_earliest, rollups_repair
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.redaction import text_scrub
from readiness.infra.transactions import Session, TransactionIntent, transactional
from readiness.operations import store
from readiness.operations.models import Reconciliation, ReconciliationRun
from readiness.operations.services.drift import (
    Assessment,
    Drift,
    HealthCard,
    LastRun,
    RunStatus,
    Window,
    drift_assess,
    drift_compute,
    drift_words,
    health_card,
    percent_words,
    reconcile_window,
)
from readiness.operations.workflows.recording import JobFailed, failure_record


class CorruptDestination(Exception):
    """A destination does not say what its source says: recorded once a run, so that it becomes an incident."""


@dataclass(frozen=True, slots=True)
class Pair:
    """How one pair is compared: both sides of a window, the repair of single rows, and where the source begins."""

    compare: Callable[..., tuple[Mapping[RollupKey, int], Mapping[RollupKey, int]]]
    repair: Callable[..., int]
    earliest: Callable[[], datetime | None]


PAIRS = {"error-rollups": Pair(rollups_compare, rollups_repair, rollups_earliest)}


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """One pair's run, as commands and job runs tell it."""

    key: str
    run: ReconciliationRun
    words: str


def reconcile(*, actor: Actor, repair: bool = True, everything: bool = False) -> list[ReconcileReport]:
    """Compare every pair; put wrong rows right unless told not to. `everything`: back to the start of retention.

    Each run is recorded, and each alert as an error of the console's own. Raises JobFailed when a pair could not be
    compared, after the others have been.
    """
    reports, failed = [], None
    for pair in pairs_read():
        try:
            reports.append(_reconcile_one(pair, actor=actor, repair=repair, everything=everything))
        except JobFailed as failure:
            failed = failed or failure
    if failed is not None:
        raise failed
    return reports


def _reconcile_one(row: Reconciliation, *, actor: Actor, repair: bool, everything: bool) -> ReconcileReport:
    started = utcnow()
    pair = PAIRS[row.key]
    window = Window(started, started)
    try:
        window = window_read(row=row, now=started, everything=everything)
        drift, repaired = _compare(pair, window, repair=repair)
    except Exception as failure:  # a run that fails is itself the finding, whatever broke it
        error_id = failure_record(failure, component=f"reconciliation.{row.key}", context={"reconciliation": row.key})
        summary = text_scrub(f"The comparison failed ({type(failure).__name__}: {failure}).")
        assessment = Assessment(RunStatus.FAILED, alert=True)
        run_keep(row=row, window=window, drift=Drift(), repaired=0, assessment=assessment, summary=summary,
                 error_id=error_id, started_at=started, actor=actor)  # fmt: skip
        raise JobFailed(f"{row.title}: {summary}", error_id=error_id) from failure
    last = last_run_read(row=row)
    assessment = drift_assess(
        drift=drift,
        alert_above=row.alert_above,
        drifted_before=last is not None and last.status == ReconciliationRun.Status.DRIFT,
    )
    words = " ".join(filter(None, [drift_words(drift=drift, repaired=repaired), assessment.why]))
    error_id = _alert(row, drift, words) if assessment.alert else ""
    run = run_keep(row=row, window=window, drift=drift, repaired=repaired, assessment=assessment, summary=words,
                   error_id=error_id, started_at=started, actor=actor)  # fmt: skip
    return ReconcileReport(row.key, run, f"{row.title}: drift {percent_words(drift.percent)}. {words}")


@transactional(TransactionIntent.READ_ONLY)
def pairs_read(session: Session) -> list[Reconciliation]:
    """Every pair."""
    return store.reconciliations()


@transactional(TransactionIntent.READ_ONLY)
def last_run_read(session: Session, *, row: Reconciliation) -> ReconciliationRun | None:
    """The pair's newest run."""
    return store.reconciliation_last(row.pk)


@transactional(TransactionIntent.READ_ONLY)
def window_read(session: Session, *, row: Reconciliation, now: datetime, everything: bool) -> Window:
    """What a run at `now` compares."""
    return reconcile_window(
        now=now,
        retention_days=settings.READINESS_RETENTION_DAYS,
        earliest=PAIRS[row.key].earliest(),
        covered_until=None if everything else store.reconciliation_covered_until(row.pk),
    )


def _compare(pair: Pair, window: Window, *, repair: bool) -> tuple[Drift, int]:
    total, repaired = Drift(), 0
    for day in window.days():
        source, destination = pair.compare(since=day.since, until=day.until)
        found = drift_compute(source=source, destination=destination)
        total += found.drift
        if repair and found.keys:
            repaired += pair.repair(keys=found.keys)
    return total, repaired


def _alert(row: Reconciliation, drift: Drift, words: str) -> str:
    alarm = CorruptDestination(f"{row.title}: drift {percent_words(drift.percent)}. {words}")
    context = {"reconciliation": row.key, "missing": drift.missing, "extra": drift.extra, "changed": drift.changed}
    return failure_record(alarm, component=f"reconciliation.{row.key}", context=context)


@transactional(TransactionIntent.ATOMIC_WRITE)
def run_keep(
    session: Session,
    *,
    row: Reconciliation,
    window: Window,
    drift: Drift,
    repaired: int,
    assessment: Assessment,
    summary: str,
    error_id: str,
    started_at: datetime,
    actor: Actor,
) -> ReconciliationRun:
    """One more row of the append-only runs."""
    return store.reconciliation_run_add(
        reconciliation=row,
        window_since=window.since,
        window_until=window.until,
        source_rows=drift.source_rows,
        missing=drift.missing,
        extra=drift.extra,
        changed=drift.changed,
        drift_percent=drift.percent,
        status=assessment.status.value,
        alert=assessment.alert,
        repaired=repaired,
        summary=summary[:500],
        error_id=error_id,
        started_at=started_at,
        finished_at=utcnow(),
        triggered_by=str(actor),
    )


@dataclass(frozen=True, slots=True)
class PairHealth:
    """A pair, its last run (None before the first) and its card; `incident` is the one of the run's error, or ""."""

    reconciliation: Reconciliation
    run: ReconciliationRun | None
    card: HealthCard
    incident: str


@transactional(TransactionIntent.READ_ONLY)
def reconciliation_health(session: Session) -> list[PairHealth]:
    """Requirement 237, for every pair."""
    now = utcnow()
    pairs = [(pair, store.reconciliation_last(pair.pk)) for pair in store.reconciliations()]
    incidents = store.incidents_of_console_errors([run.error_id for _, run in pairs if run])
    return [
        PairHealth(pair, run, health_card(last=_last(run), now=now), incidents.get(run.error_id, "") if run else "")
        for pair, run in pairs
    ]


def _last(run: ReconciliationRun | None) -> LastRun | None:
    if run is None:
        return None
    return LastRun(
        status=RunStatus(run.status),
        alert=run.alert,
        rows=run.source_rows + run.extra,
        percent=Decimal(run.drift_percent),
        finished_at=run.finished_at,
        words=run.summary,
    )
