"""Queries of operations: schedules, rows of django_celery_beat that founders edit in the admin."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django_celery_beat.models import CrontabSchedule, IntervalSchedule, PeriodicTask

from readiness.operations.services.jobs import Every, Job

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
        return _interval_words(row.interval) if row.interval else str(row.scheduler)
    every_day = (cron.day_of_week, cron.day_of_month, cron.month_of_year) == ("*", "*", "*")
    if every_day and cron.minute.isdigit() and cron.hour.isdigit():
        return f"daily at {int(cron.hour):02d}:{int(cron.minute):02d} {cron.timezone}"
    return f"{cron.minute} {cron.hour} {cron.day_of_month} {cron.month_of_year} {cron.day_of_week} {cron.timezone}"


def _interval_words(interval: IntervalSchedule) -> str:
    """`every 15 minutes`, where 900 seconds are stored."""
    if interval.period == IntervalSchedule.SECONDS and interval.every % 60 == 0:
        minutes = interval.every // 60
        return f"every {minutes} minutes" if minutes > 1 else "every minute"
    return str(interval)


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
