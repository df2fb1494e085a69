"""The Celery application: correlation in message headers, failures as error envelopes, and no task lost.

Kombu keeps a delivered but unacknowledged message in one Redis hash for all workers, and gives it back only after the
visibility timeout (an hour here: above the longest task). Here each worker has a hash of its own, so that it knows at
its next start what its former life left, and its peers know what to take over when it stays away.
"""

import logging
from collections.abc import Callable
from contextlib import ExitStack
from functools import cache
from time import perf_counter
from typing import Any

from celery import Celery, Task, bootsteps, signals
from celery.worker import state
from django.conf import settings
from django.utils.module_loading import import_string
from redis import RedisError

from readiness.infra.broker import redis_client
from readiness.infra.correlation import correlation_scope, current_tenant, current_traceparent
from readiness.infra.heartbeat import (
    PERIOD,
    Presence,
    presence_record,
    presence_remove,
    worker_forget,
    workers_absent,
)
from readiness.infra.lifeline import die_with_supervisor
from readiness.infra.metrics import HEARTBEAT_TASK, process_started, task_observe, task_sent

logger = logging.getLogger(__name__)


class ConsoleTask(Task[..., Any]):
    """A task whose process dies is tried again after this pause, three times; then it is a recorded failure, so that
    one that kills its process never does so for ever. (CELERY_TASK_RETRY_ON_WORKER_LOST; requeueing does not count.)
    """

    default_retry_delay = 2
    max_retries = 3


app = Celery("readiness", task_cls=ConsoleTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.set_default()  # request threads have no current app of their own
app.autodiscover_tasks()


# --- correlation: the trace of whoever sent the task continues in the worker --------------------------------------


@signals.before_task_publish.connect
def send_correlation(headers: dict[str, Any] | None = None, **_: Any) -> None:
    """The sender's traceparent travels in the message's headers, and whose work it is."""
    traceparent = current_traceparent()
    if traceparent and headers is not None:
        headers.setdefault("traceparent", traceparent)
        headers.setdefault("tenant", current_tenant())


@signals.task_prerun.connect
def enter_correlation(task: Task[..., Any], **_: Any) -> None:
    """The task runs in the sender's trace, or in one of its own."""
    scope = ExitStack()
    request = task.request
    scope.enter_context(
        correlation_scope(f"task.{task.name}", request.get("traceparent"), tenant=request.get("tenant"))
    )
    task.request.update({"correlation": scope, "begun": perf_counter()})


@signals.task_postrun.connect
def leave_correlation(task: Task[..., Any], state: str | None = None, **_: Any) -> None:
    scope: ExitStack | None = task.request.get("correlation")
    if scope is not None:
        scope.close()
        took = perf_counter() - task.request.get("begun")
        task_observe(task=str(task.name), outcome=(state or "unknown").lower(), seconds=took)


@signals.after_task_publish.connect
def count_sent(sender: str, **_: Any) -> None:
    """The broker has it."""
    task_sent(task=sender)


# --- failures: a task that breaks is an error like any other ------------------------------------------------------


@cache
def _error_recorder() -> Callable[..., str]:
    recorder: Callable[..., str] = import_string(settings.READINESS_ERROR_RECORDER)
    return recorder


@signals.task_failure.connect
def record_failure(sender: Task[..., Any], task_id: str, exception: BaseException, einfo: Any = None, **_: Any) -> None:
    """Arguments are left out: they may hold anything."""
    context = {"task": sender.name, "task_id": task_id, "retries": sender.request.retries}
    _error_recorder()(exception, component=f"task.{sender.name}", layer="L5", context=context)


# --- processes ----------------------------------------------------------------------------------------------------


@signals.setup_logging.connect
def leave_logging(**_: Any) -> None:
    """Django has set up logging; with a receiver here Celery keeps its hands off."""
    for name in ("celery.app.trace", "celery.beat"):
        logging.getLogger(name).addFilter(_not_heartbeat)
    logging.getLogger("celery.worker.strategy").addFilter(_above_info)


def _not_heartbeat(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO or HEARTBEAT_TASK not in record.getMessage()


def _above_info(record: logging.LogRecord) -> bool:
    return record.levelno > logging.INFO


@signals.task_received.connect
def log_received(request: Any, **_: Any) -> None:
    """In the place of Celery's own line, which is written outside the sender's trace."""
    if request.name == HEARTBEAT_TASK:
        return
    sent = request.request_dict
    with ExitStack() as scope:
        if traceparent := sent.get("traceparent"):
            scope.enter_context(correlation_scope(f"task.{request.name}", traceparent, tenant=sent.get("tenant")))
        logger.info("Task %s[%s] received", request.name, request.id)


@signals.worker_process_init.connect
def tie_pool_child(**_: Any) -> None:
    die_with_supervisor()
    process_started("pool")


@signals.celeryd_init.connect
def own_unacknowledged(sender: str, conf: Any, **_: Any) -> None:
    """Name the hashes of this worker's unacknowledged messages after it, before it connects."""
    process_started("worker")
    _error_recorder()  # a wrong dotted path ends the start, not the first failure's record
    conf.broker_transport_options = {**conf.broker_transport_options, **_unacked_keys(sender)}


@signals.beat_init.connect
def count_beat(**_: Any) -> None:
    process_started("beat")


@signals.worker_ready.connect
def beat_once(sender: Any, **_: Any) -> None:
    """The first heartbeat does not wait for beat: the launcher waits for it. Nor do today's partitions."""
    sender.app.tasks["infra.heartbeat"].delay()
    sender.app.tasks["operations.run_job"].delay("partitions")


def job_run_send(*, key: str, payload: dict[str, Any]) -> None:
    """Handler of the outbox topic `job.run`: the job becomes a task of the worker.

    Raises kombu's OperationalError when the broker is away; the outbox then tries again, so this does not.
    """
    app.send_task("operations.run_job", args=[key], kwargs=dict(payload), retry=False)


# --- delivery -----------------------------------------------------------------------------------------------------


def _unacked_keys(worker: str) -> dict[str, str]:
    return {"unacked_key": f"unacked:{worker}", "unacked_index_key": f"unacked_index:{worker}"}


def restore_unacknowledged(worker: str) -> int:
    """Put back what `worker`, which must not be running, has received and not finished. Returns how many messages."""
    options = {**app.conf.broker_transport_options, **_unacked_keys(worker)}
    with app.connection_for_write(transport_options=options) as connection:
        channel: Any = connection.default_channel
        qos = channel.qos
        with qos.channel.conn_or_acquire() as client:
            tags = client.zrange(qos.unacked_index_key, 0, -1)
            for tag in tags:
                qos.restore_by_tag(tag.decode() if isinstance(tag, bytes) else tag, client=client, leftmost=False)
    if tags:
        logger.warning("%d unfinished task(s) of %s were put back in the queue", len(tags), worker)
    return len(tags)


class PresenceStep(bootsteps.StartStopStep):
    """Says every ten seconds, from the worker's main process, that it is there and what it runs; takes over from peers
    that have been absent for two of these rounds.
    """

    requires = ("celery.worker.components:Timer",)

    def __init__(self, parent: Any, **_: Any) -> None:
        self.client = redis_client(settings.REDIS_URL)
        self.timer: Any = None
        self.suspects: set[str] = set()

    def start(self, parent: Any) -> None:
        """Before anything is consumed: what this worker had in hand when it was killed goes back to the queue."""
        restore_unacknowledged(parent.hostname)
        self._round(parent)
        self.timer = parent.timer.call_repeatedly(PERIOD.total_seconds(), self._round, (parent,))

    def stop(self, parent: Any) -> None:
        if self.timer is not None:
            self.timer.cancel()
        try:
            presence_remove(self.client, worker=parent.hostname)
        except RedisError:
            logger.info("The broker is away; the sign of presence expires by itself")

    def _round(self, parent: Any) -> None:
        try:
            busy = tuple(request.name for request in state.active_requests)
            presence_record(self.client, worker=parent.hostname, presence=Presence(busy, parent.concurrency))
            absent = workers_absent(self.client)
            for worker in absent & self.suspects:
                restore_unacknowledged(worker)
                worker_forget(self.client, worker=worker)
            self.suspects = absent
        except RedisError:
            self.suspects = set()  # after an outage everybody gets two rounds to come back
            logger.warning("The broker is away; the worker's sign of presence could not be renewed")


app.steps["worker"].add(PresenceStep)
