"""What every process counts of itself, for Prometheus: the floor's instruments and the sum over all processes.

With PROMETHEUS_MULTIPROC_DIR set (the launcher sets it to READINESS_HOME/metrics) each process keeps its counts in
files there, mapped into memory, and whichever process answers /metrics adds all of them up. Without it a process
counts in its own memory and shows no more than itself.

A process holds a lock on its files. When another one starts, the files that nobody holds any more are added up into one
and removed: what a dead process counted stays counted, and restarts do not fill the disk. The files are written out in
full beforehand: the first touch of a hole in a mapped file on a full disk would kill the process by SIGBUS. A process
that finds no room counts nothing to the files, and lives.

Counters and histograms only: what is so at the moment of the scrape (queue, backlog, database) is asked then
(readiness.operations). An observation costs 1 to 3 µs; the hot path makes one a request and four a batch of a commit.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, values
from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"
HEARTBEAT_TASK = "infra.heartbeat"
_ROOM = {"counter": 64 * 1024, "histogram": 512 * 1024}  # bytes; three times what all our series need
_ENDED = "ended"  # in the place of a pid: the sum of those that are gone
_held: dict[int, list[int]] = {}  # pid → descriptors of its files, whose locks say that it lives
_muted = False


def metrics_directory(home: Path) -> Path:
    """Where the processes of this home keep their counts."""
    return home / "metrics"


def metrics_prepare(home: Path) -> None:
    """Begin at zero, before any process of this home runs: what Prometheus knows as a counter's reset."""
    directory = metrics_directory(home)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.iterdir():
        file.unlink()


# --- the files ------------------------------------------------------------------------------------------------------


def _shared_directory() -> Path | None:
    named = os.environ.get(ENVIRONMENT)
    return Path(named) if named else None


@contextmanager
def _directory_locked(directory: Path, how: int) -> Iterator[None]:
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _room_take() -> bool:
    """Lay and hold this process's files, after adding up those of the dead; False when there is no room for them."""
    directory = _shared_directory()
    if directory is None or os.getpid() in _held:
        return True
    taken: list[Path] = []
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _directory_locked(directory, fcntl.LOCK_EX):
            _dead_fold(directory)
            held = _held[os.getpid()] = []
            for kind, room in _ROOM.items():
                taken.append(directory / f"{kind}_{os.getpid()}.db")
                held.append(os.open(taken[-1], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
                fcntl.flock(held[-1], fcntl.LOCK_SH)
                if os.fstat(held[-1]).st_size == 0:
                    _zeros_write(held[-1], room)
    except OSError:
        for path in taken:
            path.unlink(missing_ok=True)
        for descriptor in _held.pop(os.getpid(), ()):
            os.close(descriptor)
        return False
    return True


def _zeros_write(descriptor: int, room: int) -> None:
    rest = bytes(room)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _abandoned(path: Path) -> bool:
    """Nobody holds it: the kernel gives a dead process's locks back, whatever its number and wherever it ran."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def _dead_fold(directory: Path) -> None:
    """Add the counts of dead processes to those of the ones before them, and remove their files.

    A kill between the last two steps counts them twice: a bump in a graph, once, and no more than that.
    """
    for kind in _ROOM:
        kept = directory / f"{kind}_{_ENDED}.db"
        dead = [path for path in sorted(directory.glob(f"{kind}_*.db")) if path != kept and _abandoned(path)]
        if not dead:
            continue
        new = kept.with_suffix(".new")
        new.unlink(missing_ok=True)
        book = MmapedDict(str(new))  # type: ignore[no-untyped-call]
        files = [str(path) for path in (*dead, *([kept] if kept.exists() else []))]
        for metric in MultiProcessCollector.merge(files, accumulate=False):  # type: ignore[no-untyped-call]
            for sample in metric.samples:
                labels = sample.labels
                key = mmap_key(metric.name, sample.name, list(labels), list(labels.values()), metric.documentation)
                book.write_value(key, sample.value, 0.0)  # type: ignore[no-untyped-call]
        book.close()  # type: ignore[no-untyped-call]
        new.replace(kept)
        for path in dead:
            path.unlink()


def _own_pid() -> int:
    """What os.getpid() says, without the system call: it is asked at every observation."""
    return _pid


def _after_fork() -> None:
    global _pid
    _pid = os.getpid()


_pid = os.getpid()
os.register_at_fork(after_in_child=_after_fork)
if _shared_directory() is not None:  # the library's own seam; without room this process counts in its own memory
    values.ValueClass = values.MultiProcessValue(_own_pid) if _room_take() else values.MutexValue  # type: ignore[no-untyped-call]


# --- the instruments ------------------------------------------------------------------------------------------------

PROCESS = CollectorRegistry()
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG_SECONDS = (0.005, 0.025, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0)
_ITEMS = (1, 2, 5, 10, 20, 50, 100, 200, 400)
_GROUP = re.compile(r"\(\?P(<\w+>)(?:\[[^\]]*\]|[^()])*\)")  # `(?P<door>a|b)` of a pattern that is an expression

REQUESTS = Histogram(
    "readiness_http_request_duration_seconds",
    "Requests by route and status code, and how long their answers took. Pages share one route.",
    ["route", "code"],
    buckets=_SECONDS,
    registry=PROCESS,
)
CAPTURED = Counter(
    "readiness_capture_events_total",
    "Error events committed and answered. duplicate: one that had been stored before; sampled: counted, not stored.",
    ["outcome"],
    registry=PROCESS,
)
REFUSED = Counter(
    "readiness_capture_refused_total",
    "Requests to capture, or envelopes, spans and log records of one, that were refused, by door and reason.",
    ["door", "reason"],
    registry=PROCESS,
)
BATCH_ITEMS = Histogram(
    "readiness_commit_batch_items",
    "What one transaction of a group commit held.",
    ["queue"],
    buckets=_ITEMS,
    registry=PROCESS,
)
COMMITS = Histogram(
    "readiness_commit_duration_seconds",
    "How long the transactions of a group commit took, by outcome (committed, failed).",
    ["queue", "outcome"],
    buckets=_SECONDS,
    registry=PROCESS,
)
COMMIT_WAITS = Counter(
    "readiness_commit_wait_seconds_total",
    "Time that the first request of each batch waited for its transaction to begin.",
    ["queue"],
    registry=PROCESS,
)
TASKS = Histogram(
    "readiness_task_duration_seconds",
    "Runs of Celery tasks by outcome (success, failure, retry, …), and how long they took.",
    ["task", "outcome"],
    buckets=_LONG_SECONDS,
    registry=PROCESS,
)
TASKS_SENT = Counter(
    "readiness_tasks_sent_total", "Tasks handed to the broker; beat sends the heartbeat.", ["task"], registry=PROCESS
)
DELIVERIES = Counter(
    "readiness_outbox_deliveries_total",
    "Attempts to deliver a message of the outbox, by topic and outcome (delivered, failed, dead).",
    ["topic", "outcome"],
    registry=PROCESS,
)
STARTS = Counter(
    "readiness_process_starts_total", "Processes that have started, by program.", ["program"], registry=PROCESS
)

# Alerts compare these with zero: they are there from the first scrape on.
_STORED, _DUPLICATES = CAPTURED.labels("stored"), CAPTURED.labels("duplicate")
_SAMPLED = CAPTURED.labels("sampled")
TASKS_SENT.labels(HEARTBEAT_TASK)

_requests: dict[tuple[str, int], Histogram] = {}
_batches: dict[str, tuple[Histogram, Histogram, Histogram, Counter]] = {}


def process_started(program: str) -> None:
    """A process begins, perhaps by fork: it gets files of its own."""
    global _muted
    _muted = not _room_take()
    if not _muted:
        STARTS.labels(program).inc()


def request_observe(*, route: str, status: int, seconds: float) -> None:
    """A request was answered. `route` is a URL pattern or one of few words, never a path that somebody sent."""
    child = _requests.get((route, status))
    if child is None:
        child = _requests[route, status] = REQUESTS.labels(_route_words(route), str(status))
    child.observe(seconds)


def _route_words(route: str) -> str:
    """A URL pattern as people write it: `/api/<project_id>/envelope/`."""
    words = re.sub(r"<\w+:", "<", _GROUP.sub(r"\1", route))
    return re.sub(r"[\^$?]", "", words)


def capture_observe(*, stored: int, duplicates: int, sampled: int = 0) -> None:
    """Errors were committed."""
    if stored:
        _STORED.inc(stored)
    if duplicates:
        _DUPLICATES.inc(duplicates)
    if sampled:
        _SAMPLED.inc(sampled)


def refusal_observe(*, door: str, reason: str, number: int = 1) -> None:
    """Capture refused something; `reason` is the slug of a Refusal, or the word that dropped items count under."""
    REFUSED.labels(door, reason).inc(number)


def batch_observe(*, queue: str, items: int, seconds: float, waited_s: float, committed: bool) -> None:
    """A group commit has ended a transaction."""
    found = _batches.get(queue)
    if found is None:
        done, failed = COMMITS.labels(queue, "committed"), COMMITS.labels(queue, "failed")
        found = _batches[queue] = (BATCH_ITEMS.labels(queue), done, failed, COMMIT_WAITS.labels(queue))
    sizes, done, failed, waits = found
    sizes.observe(items)
    (done if committed else failed).observe(seconds)
    waits.inc(waited_s)


def task_observe(*, task: str, outcome: str, seconds: float) -> None:
    """A task has run."""
    if not _muted:
        TASKS.labels(task, outcome).observe(seconds)


def task_sent(*, task: str) -> None:
    """A task was handed to the broker."""
    if not _muted:
        TASKS_SENT.labels(task).inc()


def delivery_observe(*, topic: str, outcome: str) -> None:
    """The outbox tried to deliver a message."""
    if not _muted:
        DELIVERIES.labels(topic, outcome).inc()


# --- the sum --------------------------------------------------------------------------------------------------------


class AllProcesses(Collector):
    """The counts of every process, dead ones included; of this one alone when they share no directory."""

    def collect(self) -> Iterator[Metric]:
        directory = _shared_directory()
        if directory is None:
            yield from PROCESS.collect()
            return
        metrics: list[Any] = []
        with suppress(FileNotFoundError), _directory_locked(directory, fcntl.LOCK_SH):
            metrics = list(MultiProcessCollector(None, str(directory)).collect())  # type: ignore[no-untyped-call]
        yield from metrics
