"""Retention: only what is old goes, under an audited permit; partitions ahead and away on PostgreSQL."""

from datetime import datetime, timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.utils import IntegrityError
from pytest_django import Settings

from incidents.errors.models import ErrorEvent, ErrorId, ErrorRollup
from incidents.errors.store import retention as store
from incidents.errors.workflows import PARTITIONS_AHEAD, partitions_ensure
from incidents.triage.models import Incident
from readiness.infra.append_only import missing_triggers
from readiness.infra.clock import utcnow
from readiness.infra.models import DeletionAudit, DeletionPermit
from readiness.infra.transactions import atomic_write
from readiness.operations.models import JobRun
from readiness.operations.services.jobs import Outcome
from readiness.operations.workflows.jobs import job_run
from tests.operations.conftest import BEAT, errors_at

pytestmark = pytest.mark.django_db


def _midnight_days_ago(days: int) -> datetime:
    return utcnow().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)


def test_it_forgets_only_what_is_older_than_the_period(settings: Settings) -> None:
    settings.READINESS_RETENTION_DAYS = 30
    now = utcnow()
    errors_at(now - timedelta(days=32), count=2)
    kept = {error.error_id for error in [*errors_at(now - timedelta(days=29)), *errors_at(now)]}
    report = job_run(key="retention", actor=BEAT)
    assert (report.outcome, report.summary) == (Outcome.OK, "2 errors older than 30 days forgotten.")
    assert set(ErrorEvent.objects.values_list("error_id", flat=True)) == kept
    assert set(ErrorId.objects.values_list("error_id", flat=True)) == kept, "the ledger forgets with the events"
    assert ErrorRollup.objects.count() == 2, "and so do the figures"
    assert Incident.objects.get().occurrences == 4, "the lesson stays"


def test_it_leaves_an_audit_row_and_no_permit() -> None:
    errors_at(utcnow() - timedelta(days=100))
    job_run(key="retention", actor=BEAT)
    audit = DeletionAudit.objects.get(table_name="infra_error_events")
    assert (audit.actor, audit.reason) == (BEAT.name, "retention of 90 days")
    assert audit.cutoff == _midnight_days_ago(90)
    assert not DeletionPermit.objects.exists()


def test_a_raw_delete_is_refused_however_old_the_error() -> None:
    errors_at(utcnow() - timedelta(days=100))
    with pytest.raises(IntegrityError, match="append-only"), atomic_write(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM infra_error_events")
    assert ErrorEvent.objects.count() == 1


def test_the_command_counts_before_and_removes_after() -> None:
    errors_at(utcnow() - timedelta(days=20), count=3)
    errors_at(utcnow())
    out = StringIO()
    call_command("cleanup_old_errors", "--days", "10", "--dry-run", stdout=out)
    assert out.getvalue() == "3 errors are older than 10 days; nothing was removed (--dry-run).\n"
    assert ErrorEvent.objects.count() == 4
    call_command("cleanup_old_errors", "--days", "10", stdout=out)
    assert out.getvalue().endswith("3 errors older than 10 days forgotten.\n")
    assert ErrorEvent.objects.count() == 1
    run = JobRun.objects.get()
    assert (run.job, run.outcome, run.triggered_by) == ("retention", "ok", "the command line")


@pytest.mark.parametrize("days", ["0", "-1", "99999999"])
def test_the_command_refuses_a_period_that_is_none(days: str) -> None:
    errors_at(utcnow())
    with pytest.raises(CommandError, match="give a number from 1 to") as refused:
        call_command("cleanup_old_errors", f"--days={days}")
    assert refused.value.returncode == 64
    assert ErrorEvent.objects.count() == 1


@pytest.mark.sqlite_only
def test_sqlite_has_no_partitions_to_make() -> None:
    assert job_run(key="partitions", actor=BEAT).summary == "None to make: SQLite keeps all errors in one table."


def _partitions() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid "
            "WHERE i.inhparent = 'infra_error_events'::regclass AND relname ~ '_[0-9]{8}$'"
        )
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.postgres_only
def test_it_makes_the_partitions_of_the_week_ahead_once() -> None:
    job_run(key="partitions", actor=BEAT)
    days = [utcnow().date() + timedelta(days=ahead) for ahead in range(PARTITIONS_AHEAD + 1)]
    assert {f"infra_error_events_{day:%Y%m%d}" for day in days} <= _partitions()
    assert job_run(key="partitions", actor=BEAT).summary == "All are there for the week ahead."
    errors_at(utcnow())
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableoid::regclass::text FROM infra_error_events")
        assert cursor.fetchone()[0] == f"infra_error_events_{days[0]:%Y%m%d}"


@pytest.mark.postgres_only
def test_every_partition_refuses_what_the_table_refuses() -> None:
    partitions_ensure()
    errors_at(utcnow())
    name = f"infra_error_events_{utcnow():%Y%m%d}"
    for statement in (f"DELETE FROM {name}", f"UPDATE {name} SET message = 'x'", f"TRUNCATE {name}"):
        with pytest.raises(IntegrityError, match="append-only"), atomic_write(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert missing_triggers(connection) == []


@pytest.mark.postgres_only
def test_it_drops_whole_days_and_keeps_the_rest() -> None:
    old_day = utcnow() - timedelta(days=95)
    with atomic_write():
        store.partitions_make(first=old_day.date(), days=1)
    partitions_ensure()
    errors_at(old_day, count=3)
    errors_at(old_day - timedelta(days=2))  # no partition was made for it: it lies in the rest
    errors_at(utcnow())
    assert f"infra_error_events_{old_day:%Y%m%d}" in _partitions()
    report = job_run(key="retention", actor=BEAT)
    assert report.summary == "4 errors older than 90 days forgotten."
    assert f"infra_error_events_{old_day:%Y%m%d}" not in _partitions()
    assert ErrorEvent.objects.count() == 1
