"""Every query of operations; import it as `from readiness.operations import store`."""

from readiness.operations.store.beat import (
    RUN_JOB,
    ScheduleFound,
    schedule_add,
    schedule_switch_off,
    schedules,
)
from readiness.operations.store.health import (
    broker_ping,
    database_answer,
    migrations_missing,
    triggers_missing,
    worker_signs,
)
from readiness.operations.store.jobs import (
    incidents_of_console_errors,
    job_states,
    job_states_ensure,
    run_add,
    runs_before,
    runs_correlated,
    runs_recent,
    sessions_forget,
)
from readiness.operations.store.outbox import (
    OutboxCounts,
    outbox_counts,
    outbox_listed,
)
from readiness.operations.store.reconciliation import (
    reconciliation_covered_until,
    reconciliation_last,
    reconciliation_run_add,
    reconciliations,
)

__all__ = [
    "RUN_JOB",
    "OutboxCounts",
    "ScheduleFound",
    "broker_ping",
    "database_answer",
    "incidents_of_console_errors",
    "job_states",
    "job_states_ensure",
    "migrations_missing",
    "outbox_counts",
    "outbox_listed",
    "reconciliation_covered_until",
    "reconciliation_last",
    "reconciliation_run_add",
    "reconciliations",
    "run_add",
    "runs_before",
    "runs_correlated",
    "runs_recent",
    "schedule_add",
    "schedule_switch_off",
    "schedules",
    "sessions_forget",
    "triggers_missing",
    "worker_signs",
]
