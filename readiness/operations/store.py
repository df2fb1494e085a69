"""The queries of operations."""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.models import Count, Min, Q, QuerySet
from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from incidents.errors.models import ErrorEvent
from incidents.triage.models import IncidentFingerprint
from readiness.infra import append_only
from readiness.infra.broker import redis_client
from readiness.infra.heartbeat import signs_read
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_undelivered
from readiness.operations.models import JobRun, JobState, Reconciliation, ReconciliationRun
from readiness.operations.services.health import WorkerSigns
from readiness.operations.services.jobs import Every, Job

# --- health -------------------------------------------------------------------------------------------------------


def database_answer() -> str:
    """Ask the database something that reaches its files; the vendor's name. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations")
    return connection.display_name


@cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    """The last migration of every app, read from the code once: it does not change while a process runs."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


def migrations_missing() -> list[str]:
    """Apps whose newest migration the database lacks. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        applied = set(cursor.fetchall())
    return sorted(f"{app}.{name}" for app, name in _newest_migrations() - applied)


def triggers_missing() -> list[str]:
    """Append-only triggers that the database lacks. Raises django.db.Error."""
    return append_only.missing_triggers(connection)


def broker_ping() -> None:
    """Raises redis.RedisError or ValueError (a REDIS_URL of an unknown scheme)."""
    redis_client(settings.REDIS_URL).ping()


def worker_signs() -> WorkerSigns:
    """Raises redis.RedisError."""
    consumed_at, workers = signs_read(redis_client(settings.REDIS_URL))
    return WorkerSigns(
        consumed_at=consumed_at,
        present=tuple(workers),
        busy=tuple(task for worker in workers.values() for task in worker.busy),
        slots=sum(worker.slots for worker in workers.values()),
    )


# --- jobs ---------------------------------------------------------------------------------------------------------


def job_states_ensure(keys: Iterable[str]) -> None:
    """A row for each job that has none yet."""
    JobState.objects.bulk_create([JobState(job=key) for key in keys], ignore_conflicts=True)


def job_states() -> dict[str, JobState]:
    """job → its state, the last run at hand."""
    return {state.job: state for state in JobState.objects.select_related("last_run")}


def run_add(**fields: Any) -> JobRun:
    """One more row of the append-only runs."""
    return JobRun.objects.create(**fields)


def runs_recent(*, job: str = "") -> QuerySet[JobRun]:
    """Every run, or a job's, the newest first (indexes operations_job_run_recent and _job)."""
    rows = JobRun.objects.order_by("-finished_at", "-pk")
    return rows.filter(job=job) if job else rows


def runs_before(cutoff: datetime) -> QuerySet[JobRun]:
    """Runs that ended before then and are not the last of their job."""
    last = JobState.objects.filter(last_run__isnull=False).values("last_run")
    return JobRun.objects.filter(finished_at__lt=cutoff).exclude(pk__in=last)


def incidents_of_console_errors(error_ids: Collection[str]) -> dict[str, str]:
    """error id → `INC-12`, for the console's own errors (project 0) that retention has not taken yet."""
    wanted = {error_id for error_id in error_ids if error_id}
    if not wanted:
        return {}
    events = ErrorEvent.objects.filter(project_id=0, error_id__in=wanted).values_list("error_id", "fingerprint")
    fingerprints = dict(events)
    groups = IncidentFingerprint.objects.filter(project_id=0, fingerprint__in=set(fingerprints.values()))
    incidents = dict(groups.values_list("fingerprint", "incident"))
    return {
        error_id: f"INC-{incidents[fingerprint]}"
        for error_id, fingerprint in fingerprints.items()
        if fingerprint in incidents
    }


def sessions_forget() -> None:
    """Ended browser sessions."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


# --- schedules: rows of django_celery_beat, which founders edit in the admin --------------------------------------

RUN_JOB = "operations.run_job"


@dataclass(frozen=True, slots=True)
class ScheduleFound:
    """A job's row in beat's table: its schedule in words, and whether it is switched on."""

    row: PeriodicTask
    words: str
    enabled: bool

    def due_after(self, moment: datetime, *, now: datetime) -> datetime | None:
        """When the run that follows one at `moment` is due; in the past if it is late. None for a sun or a clock."""
        if self.row.interval is None and self.row.crontab is None:
            return None
        due_at: datetime = now + self.row.schedule.remaining_estimate(moment)
        return (due_at + timedelta(seconds=0.5)).replace(microsecond=0)  # what passes between two looks at the clock


def schedules() -> dict[str, ScheduleFound]:
    """job → its schedule, as beat has it."""
    rows = PeriodicTask.objects.filter(task=RUN_JOB).select_related("interval", "crontab", "solar", "clocked")
    return {
        key: ScheduleFound(row, _schedule_words(row), bool(row.enabled))
        for row in rows.order_by("-pk")
        if (key := _key_of(row)) is not None and row.scheduler is not None
    }


def _key_of(row: PeriodicTask) -> str | None:
    try:
        arguments = json.loads(row.args or "[]")
    except ValueError:
        return None
    return str(arguments[0]) if isinstance(arguments, list) and len(arguments) == 1 else None


def _schedule_words(row: PeriodicTask) -> str:
    cron = row.crontab
    if cron is None:
        return str(row.scheduler)
    every_day = (cron.day_of_week, cron.day_of_month, cron.month_of_year) == ("*", "*", "*")
    if every_day and cron.minute.isdigit() and cron.hour.isdigit():
        return f"daily at {int(cron.hour):02d}:{int(cron.minute):02d} {cron.timezone}"
    return f"{cron.minute} {cron.hour} {cron.day_of_month} {cron.month_of_year} {cron.day_of_week} {cron.timezone}"


def schedule_add(job: Job) -> None:
    """The row that a new job starts with."""
    timing: dict[str, Any]
    if isinstance(job.schedule, Every):
        timing = {"interval": _interval(job.schedule.seconds), "expire_seconds": max(10, job.schedule.seconds)}
    else:
        timing = {"crontab": _crontab(job.schedule.hour, job.schedule.minute)}
    PeriodicTask.objects.create(
        name=f"{RUN_JOB}: {job.key}", task=RUN_JOB, args=json.dumps([job.key]), description=job.what, **timing
    )


def _interval(seconds: int) -> IntervalSchedule:
    every, period = (seconds // 3_600, "hours") if seconds % 3_600 == 0 else (seconds, "seconds")
    found = IntervalSchedule.objects.filter(every=every, period=period).first()
    return found or IntervalSchedule.objects.create(every=every, period=period)


def _crontab(hour: int, minute: int) -> CrontabSchedule:
    fields = {"hour": str(hour), "minute": str(minute), "timezone": "UTC"}
    every_day = {"day_of_week": "*", "day_of_month": "*", "month_of_year": "*"}
    found = CrontabSchedule.objects.filter(**fields, **every_day).first()
    return found or CrontabSchedule.objects.create(**fields, **every_day)


def schedule_switch_off(found: ScheduleFound) -> None:
    """A job that this installation no longer has."""
    found.row.enabled = False
    found.row.save()


# --- the outbox, as the page shows it -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """`oldest_due_at`: since when the longest waiting message has been due."""

    pending: int
    dead: int
    oldest_due_at: datetime | None


def outbox_counts(*, now: datetime) -> OutboxCounts:
    """How much the outbox holds that is not delivered."""
    alive = Q(dead_at__isnull=True)
    counts = OutboxMessage.objects.filter(delivered_at__isnull=True).aggregate(
        pending=Count("pk", filter=alive),
        dead=Count("pk", filter=~alive),
        oldest=Min("due_at", filter=alive & Q(due_at__lte=now)),
    )
    return OutboxCounts(counts["pending"], counts["dead"], counts["oldest"])


def outbox_listed(*, limit: int) -> list[OutboxMessage]:
    """The undelivered, the dead first; their payloads, which may hold anything, stay where they are."""
    return list(outbox_undelivered()[:limit])


# --- reconciliation -----------------------------------------------------------------------------------------------


def reconciliations() -> list[Reconciliation]:
    """Every pair, by its key."""
    return list(Reconciliation.objects.order_by("key"))


def reconciliation_last(reconciliation_id: int) -> ReconciliationRun | None:
    """The newest run of a pair."""
    return ReconciliationRun.objects.filter(reconciliation=reconciliation_id).order_by("-finished_at", "-pk").first()


def reconciliation_covered_until(reconciliation_id: int) -> datetime | None:
    """Up to where the pair is known to agree: the end of the last run that found no drift or put it right."""
    good = Q(status=ReconciliationRun.Status.OK) | Q(status=ReconciliationRun.Status.DRIFT, repaired__gt=0)
    rows = ReconciliationRun.objects.filter(good, reconciliation=reconciliation_id)
    return rows.order_by("-finished_at", "-pk").values_list("window_until", flat=True).first()


def reconciliation_run_add(**fields: Any) -> ReconciliationRun:
    """One more row of the append-only runs."""
    return ReconciliationRun.objects.create(**fields)
