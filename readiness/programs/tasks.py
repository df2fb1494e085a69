"""Beat's jobs of programs."""

from celery import shared_task

from readiness.infra.actor import Actor
from readiness.programs.workflows import verdicts_record_daily


@shared_task(name="programs.record_verdicts")
def record_verdicts() -> int:
    """Hourly is enough: each program's verdict is recorded when it changed, and once a day."""
    return verdicts_record_daily(actor=Actor(kind="job", name="programs.record_verdicts"))
