"""Reconciliation against planted drift, on the database itself."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.db.utils import DatabaseError, IntegrityError

from incidents.errors.models import ErrorEvent, ErrorRollup
from incidents.errors.store.reconciling import hourly_counts_of_events, hourly_counts_of_rollups
from incidents.errors.store.writing import hour_of
from incidents.errors.workflows import errors_settle, rollups_repair
from incidents.triage.models import Incident
from readiness.infra.clock import utcnow
from readiness.infra.transactions import atomic_write
from readiness.operations.models import Reconciliation, ReconciliationRun
from readiness.operations.workflows import reconciling
from readiness.operations.workflows.reconciling import reconcile, reconciliation_health
from readiness.operations.workflows.recording import JobFailed
from tests.operations.conftest import ADA, BEAT, errors_at


def _run() -> ReconciliationRun:
    (report,) = reconcile(actor=BEAT)
    return report.run


def _both_sides_agree() -> bool:
    window = {"since": utcnow() - timedelta(days=400), "until": utcnow()}
    return hourly_counts_of_events(**window) == hourly_counts_of_rollups(**window)


@pytest.mark.django_db
def test_it_finds_agreement_and_leaves_the_hour_under_way_alone() -> None:
    now = utcnow()
    errors_at(now - timedelta(hours=3), count=3)
    errors_at(now)
    with atomic_write():
        ErrorRollup.objects.filter(hour=hour_of(now)).delete()  # not settled yet: none of this run's business
    run = _run()
    assert (run.status, run.alert, run.source_rows, run.drift_percent) == ("ok", False, 1, Decimal("0.0000"))
    assert run.window_until <= hour_of(now)
    assert run.summary == "The 1 row agrees."


@pytest.mark.django_db
def test_it_compares_nothing_on_the_first_day() -> None:
    run = _run()
    assert (run.status, run.summary, run.window_since) == ("ok", "Nothing to compare yet.", run.window_until)


def _plant_drift() -> None:
    """Six rows of which one is missing, one changed, and one beside them that no event stands for."""
    then = utcnow() - timedelta(days=2)
    for number in range(6):
        errors_at(then, count=2, component=f"shop.part{number}")
    hour = hour_of(then)
    with atomic_write():
        ErrorRollup.objects.filter(component="shop.part0").delete()
        ErrorRollup.objects.filter(component="shop.part1").update(events=40)
        ErrorRollup.objects.create(
            hour=hour, project_id=1, component="nobody", error_class="system.bug", severity="ERROR", events=9
        )


def test_it_finds_planted_drift_puts_it_right_and_raises_one_incident(recording: None) -> None:
    _plant_drift()
    assert not _both_sides_agree()
    run = _run()
    assert (run.source_rows, run.missing, run.extra, run.changed) == (6, 1, 1, 1)
    assert run.drift_percent == Decimal("50.0000")
    assert (run.status, run.alert, run.repaired) == ("drift", True, 3)
    assert "3 put right" in run.summary
    assert _both_sides_agree()
    event = ErrorEvent.objects.get(project_id=0)
    assert (event.error_id, event.error_class, event.exception_type) == (
        run.error_id,
        "system.corruption",
        "CorruptDestination",
    )
    (health,) = reconciliation_health()
    assert (health.card.kind, health.card.number) == ("fail", "50.00\u00a0%")
    assert health.incident == f"INC-{Incident.objects.get(project_id=0).pk}"


def test_it_is_green_again_at_the_next_run(recording: None) -> None:
    _plant_drift()
    _run()
    errors_settle()
    again = _run()
    assert (again.status, again.alert, again.repaired) == ("ok", False, 0)
    assert reconciliation_health()[0].card.kind == "pass"
    assert ErrorEvent.objects.filter(project_id=0).count() == 1, "one alert a run, and only for a run that found drift"


def test_it_only_compares_when_told_not_to_repair_and_looks_there_again(recording: None) -> None:
    _plant_drift()
    (report,) = reconcile(actor=ADA, repair=False)
    assert (report.run.status, report.run.repaired, report.run.triggered_by) == ("drift", 0, ADA.name)
    assert "none was put right" in report.words
    assert not _both_sides_agree()
    assert _run().repaired == 3


@pytest.mark.django_db
def test_little_drift_is_put_right_without_an_alert() -> None:
    then = utcnow() - timedelta(days=1)
    errors_at(then, count=3)
    with atomic_write():
        Reconciliation.objects.update(alert_above=Decimal("100.00"))
        ErrorRollup.objects.update(events=1)
    run = _run()
    assert (run.status, run.alert, run.error_id, run.repaired) == ("drift", False, "", 1)
    assert ErrorRollup.objects.get().events == 3


@pytest.mark.django_db
def test_it_looks_behind_the_last_week_only_when_asked() -> None:
    errors_at(utcnow() - timedelta(days=30))
    assert _run().source_rows == 1, "the first run goes back to the first event"
    assert _run().source_rows == 0
    (report,) = reconcile(actor=ADA, everything=True)
    assert report.run.source_rows == 1


def test_a_comparison_that_breaks_is_a_failed_run_an_alert_and_an_error(
    recording: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise DatabaseError("the connection went away, password=hunter2")

    pair = reconciling.PAIRS["error-rollups"]
    monkeypatch.setitem(reconciling.PAIRS, "error-rollups", reconciling.Pair(broken, pair.repair, pair.earliest))  # type: ignore[arg-type]
    errors_at(utcnow() - timedelta(hours=3))
    with pytest.raises(JobFailed) as failed:
        reconcile(actor=BEAT)
    run = ReconciliationRun.objects.get()
    assert (run.status, run.alert, run.error_id) == ("failed", True, failed.value.error_id)
    assert "hunter2" not in run.summary
    assert ErrorEvent.objects.get(project_id=0).error_id == run.error_id
    assert reconciliation_health()[0].card.word == "Failed"


@pytest.mark.django_db
def test_a_repair_counts_again_before_it_writes() -> None:
    then = utcnow() - timedelta(hours=5)
    errors_at(then, count=2)
    row = ErrorRollup.objects.get()
    key = (row.hour, row.project_id, row.component, row.error_class, row.severity)
    assert rollups_repair(keys=[key]) == 0, "it was right: nothing is written"
    with atomic_write():
        ErrorRollup.objects.update(events=5)
    assert rollups_repair(keys=[key]) == 1
    assert ErrorRollup.objects.get().events == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["UPDATE operations_reconciliation_run SET alert = 0 = 1", "DELETE FROM operations_reconciliation_run"]
)
def test_what_has_run_cannot_be_changed(statement: str) -> None:
    _run()
    with pytest.raises(IntegrityError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute(statement)
