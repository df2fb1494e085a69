"""Beat's one task, whatever the job; its schedules are laid when beat starts."""

from typing import Any

from celery import Task, shared_task, signals

from readiness.infra.actor import Actor
from readiness.operations.workflows.jobs import job_run
from readiness.operations.workflows.recording import SCHEDULE
from readiness.operations.workflows.schedules import schedules_ensure


@shared_task(name="operations.run_job", bind=True)
def run_job(self: Task[..., None], key: str, actor: str = "", actor_id: int | None = None) -> None:
    """Run a job for the schedule, or for the person who asked for it. Raises NotFound for an unknown job."""
    by = Actor(kind="person", name=actor, id=actor_id) if actor else SCHEDULE
    job_run(key=key, actor=by, run_id=self.request.id or "")


@signals.beat_init.connect
def lay_schedules(**_: Any) -> None:
    """Before beat's first tick."""
    schedules_ensure()
