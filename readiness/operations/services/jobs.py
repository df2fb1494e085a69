"""What the console does by itself: each job, when it runs, and how it stands. Pure: descriptions and judgements."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# Above the hard limit of any task (settings.CELERY_TASK_TIME_LIMIT): a run that old has been killed.
LONGEST_RUN = timedelta(minutes=31)
# How late a run may be before somebody is told: a busy worker, a machine that has just woken up.
GRACE = timedelta(minutes=15)
# A message waits for the next delivery (every five seconds) and for tasks that run before it.
DELIVERY_GRACE = timedelta(minutes=2)
# A request for a run that nobody has taken up by then is asked again.
REQUEST_KEPT = timedelta(minutes=5)


class Outcome(StrEnum):
    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Every:
    """From the end of one period to the next, counted from the last run."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Daily:
    """At this time of the day, UTC."""

    hour: int
    minute: int


@dataclass(frozen=True, slots=True)
class Job:
    """`schedule` is what a new installation starts with; founders change theirs in the admin. `done` words a number of
    things done. A `quiet` job runs only when something waits for it, and leaves a trace only when it did something.
    `lost_after`: a run this old is dead.
    """

    key: str
    title: str
    what: str
    schedule: Every | Daily
    done: str = "{} done."
    quiet: bool = False
    lost_after: timedelta = LONGEST_RUN


# The daily ones stand in the hour from four: beat makes up for a night when the machine was off only for that hour
# (django_celery_beat leaves others out of its schedule until their own hour comes round again).
JOBS: tuple[Job, ...] = (
    Job(
        "partitions",
        "Partitions ahead",
        "Makes the daily partitions of the errors for the week ahead (PostgreSQL). Runs at every worker's start too.",
        Daily(4, 5),
    ),
    Job(
        "retention",
        "Retention",
        "Forgets errors older than READINESS_RETENTION_DAYS, under an audited permit. Incidents and lessons stay.",
        Daily(4, 10),
    ),
    Job(
        "reconcile",
        "Reconciliation",
        "Counts the errors again, holds the figures of the dashboards against them, and puts wrong ones right.",
        Daily(4, 20),
    ),
    Job(
        "controls-due",
        "Controls' runs asked for",
        "Asks for the pass on the main ref that a control needs soon: a tenth of its period before, once for each. "
        "Tells of those that were never proven by their day.",
        Every(900),
    ),
    Job(
        "controls-stale",
        "Controls turning stale",
        "Marks proven controls without a pass on the main ref within their period as stale; their gate goes red.",
        Every(3_600),
        done="{} turned stale.",
    ),
    Job(
        "verdicts",
        "Verdicts",
        "Records each program's verdict when it has changed, and once a day.",
        Every(3_600),
        done="{} recorded.",
    ),
    Job(
        "limits",
        "Limits' minutes",
        "Forgets the minutes by which capture's limits are held, once no process reads them again.",
        Every(3_600),
        done="{} forgotten.",
    ),
    Job(
        "spans",
        "Spans of failing traces",
        "Keeps the spans whose trace has an error by now, and forgets the others and those past READINESS_SPAN_DAYS.",
        Every(900),
    ),
    Job(
        "outbox",
        "Outbox delivery",
        "Delivers what commits have left in the outbox. Listed when it delivered something, or failed to.",
        Every(5),
        done="{} delivered.",
        quiet=True,
        lost_after=timedelta(minutes=2),  # each message is locked by itself: another run beside it does no harm
    ),
    Job(
        "incident-life",
        "Incidents' deadlines",
        "Wakes snoozed incidents, escalates those that nobody takes, calls for overdue status updates.",
        Every(60),
        quiet=True,
        lost_after=timedelta(minutes=5),  # each incident is locked by itself
    ),
    Job(
        "incident-summary",
        "Daily summary",
        "Tells once a day, from six in the morning UTC on, which incidents are open and what changed in 24 hours.",
        Every(900),
        quiet=True,
    ),
    Job(
        "housekeeping",
        "Housekeeping",
        "Forgets old sign-in attempts, ended sessions, kept answers, delivered messages, old notices and runs.",
        Daily(4, 40),
    ),
)
_BY_KEY = {job.key: job for job in JOBS}


def job_find(key: str) -> Job | None:
    """The job of that key."""
    return _BY_KEY.get(key)


def job_words(*, job: Job, answer: int | str) -> str:
    """What a run's answer says: its own words, or a number put into the job's."""
    return (answer or "Done.") if isinstance(answer, str) else job.done.format(answer or "None")


def took_words(took: timedelta) -> str:
    """A run's length: `< 1 s`, `12 s`, `3 min 05 s`."""
    seconds = int(took.total_seconds())
    if seconds < 1:
        return "< 1 s"
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60:02d} s"


class Claim(StrEnum):
    """FREE: start. LOST: start, and record that the run before was lost. HELD: another run is under way."""

    FREE = "free"
    LOST = "lost"
    HELD = "held"


def job_claim(
    *, running_id: str, running_since: datetime | None, run_id: str, lost_after: timedelta, now: datetime
) -> Claim:
    """May this run start? A message that comes again after its worker was killed finds its own id, and may."""
    if not running_id or running_since is None:
        return Claim.FREE
    if running_id == run_id or now - running_since > lost_after:
        return Claim.LOST
    return Claim.HELD


@dataclass(frozen=True, slots=True)
class JobFacts:
    """`last_outcome` is None before the first run; `due_at`: when the run after the last one was or will be due, None
    without a schedule; `waiting_since`: the oldest thing that has waited for this job, where that is known.
    """

    scheduled: bool
    due_at: datetime | None
    last_outcome: Outcome | None = None
    running_since: datetime | None = None
    requested_at: datetime | None = None
    waiting_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobStanding:
    """`kind` is a pill's: pass, warn, fail, info or neutral."""

    kind: str
    word: str

    @property
    def needs_a_person(self) -> bool:
        return self.kind in ("fail", "warn")


def job_requested(*, requested_at: datetime | None, now: datetime) -> bool:
    """Somebody has asked for a run that has not started yet, and not too long ago."""
    return requested_at is not None and now - requested_at < REQUEST_KEPT


def job_standing(*, job: Job, facts: JobFacts, now: datetime) -> JobStanding:
    """How the job stands, the most pressing first."""
    if facts.running_since is not None and now - facts.running_since <= job.lost_after:
        return JobStanding("info", "Running")
    if job_requested(requested_at=facts.requested_at, now=now):
        return JobStanding("info", "Asked for")
    if facts.last_outcome is Outcome.FAILED:
        return JobStanding("fail", "Failed")
    if not facts.scheduled:
        return JobStanding("warn", "Switched off")
    if _is_late(job=job, facts=facts, now=now):
        return JobStanding("warn", "Late")
    if facts.last_outcome is None and not job.quiet:
        return JobStanding("neutral", "Not yet run")
    return JobStanding("pass", "OK")


def _is_late(*, job: Job, facts: JobFacts, now: datetime) -> bool:
    if job.quiet:  # its runs leave no trace; what waits for it does
        return facts.waiting_since is not None and now - facts.waiting_since > DELIVERY_GRACE
    return facts.due_at is not None and now - facts.due_at > GRACE
