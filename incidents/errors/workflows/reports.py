"""What comes along with errors: users' words, check-ins of the product's jobs, and SDKs' reports of their own drops."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from incidents.errors.models import CheckIn, Monitor, UserReport
from incidents.errors.services.check_ins import JobHealth, JobRunReport, check_in_id_make, job_health
from incidents.errors.services.feedback import UserSaid
from incidents.errors.services.reports import SdkDrops, drops_summarise
from incidents.errors.store import reports as store
from readiness.infra.clock import utcnow
from readiness.infra.transactions import Session, SingleConnectionTxn, TransactionIntent, transactional

MAX_MONITORS = 200  # of one project: a public key must not be able to make more
JOBS_SHOWN = 50
SAID_SHOWN = 20
UNPLACED = 200  # reports without a group that are looked at when an incident's are asked for


@transactional(TransactionIntent.ATOMIC_WRITE)
def user_reports_record(session: Session, *, project_id: int, reports: Sequence[UserSaid]) -> None:
    """Keep what users said; each report knows the group of its error if that is stored by now."""
    about = {said.error_id for said in reports if said.error_id}
    fingerprints = store.fingerprints_of_errors(project_id=project_id, error_ids=about)
    store.user_reports_add(project_id=project_id, reports=reports, fingerprints=fingerprints, at=utcnow())


@transactional(TransactionIntent.READ_ONLY)
def user_reports_read(
    session: Session,
    *,
    project_id: int,
    fingerprints: Collection[str],
    error_ids: Collection[str],
    correlation_ids: Collection[str],
) -> list[UserReport]:
    """What users said about an incident: by the groups and errors that it holds and the traces that it shows.

    A report may overtake its error (SDKs send both at once), and then has no group: that is found here, since capture
    has no time to look for reports.
    """
    early = store.user_reports_unplaced(project_id=project_id, limit=UNPLACED)
    placed = store.fingerprints_of_errors(project_id=project_id, error_ids=early)
    theirs = {error_id for error_id, fingerprint in placed.items() if fingerprint in fingerprints}
    rows = store.user_reports_of(
        project_id=project_id,
        fingerprints=[fingerprint for fingerprint in fingerprints if fingerprint],
        error_ids=[error_id for error_id in {*error_ids, *theirs} if error_id],
        correlation_ids=[correlation_id for correlation_id in correlation_ids if correlation_id],
        limit=SAID_SHOWN,
    )
    return list(rows)


@transactional(TransactionIntent.LOCKED_MUTATION)
def check_ins_record(txn: SingleConnectionTxn, *, project_id: int, reports: Sequence[JobRunReport]) -> int:
    """Keep how runs went, one row a run and one a job; how many were refused because the project has too many jobs."""
    return sum(not _check_in_record(txn, project_id, report, utcnow()) for report in reports)


def _check_in_record(txn: SingleConnectionTxn, project_id: int, report: JobRunReport, at: datetime) -> bool:
    """One check-in under its job's lock, so that its start and its end never meet; False: one job too many."""
    monitor = _monitor_lock(txn, project_id, report, at)
    if monitor is None:
        return False
    if report.check_in_id:
        run = store.check_in_find(project_id=project_id, check_in_id=report.check_in_id)
    else:  # it means the run under way, as the protocol has it
        run = store.check_in_under_way(project_id=project_id, name=report.monitor, environment=report.environment)
    if run is not None and (run.monitor, run.environment) != (report.monitor, report.environment):
        return True  # another job's run under this id: the first stays
    if run is None:
        check_in_id = report.check_in_id or check_in_id_make()
        run = store.check_in_new(project_id=project_id, check_in_id=check_in_id, report=report, at=at)
        store.check_in_save(run, is_new=True)
    elif report.status != "in_progress":  # a start that comes after its end takes nothing back
        run.status, run.updated_at = report.status, at
        run.duration_ms = report.duration_ms if report.duration_ms is not None else _elapsed(run.started_at, at)
        run.release = report.release or run.release
        store.check_in_save(run, is_new=False)
    _monitor_update(monitor, report, run, at)
    return True


def _monitor_lock(txn: SingleConnectionTxn, project_id: int, report: JobRunReport, at: datetime) -> Monitor | None:
    """The job's row, made if need be; None when the project has MAX_MONITORS of them."""
    rows = store.monitor_rows(project_id=project_id, name=report.monitor, environment=report.environment)
    found = txn.lock_rows(rows).first()
    if found is None and store.monitors_count(project_id) < MAX_MONITORS:
        store.monitor_make(project_id=project_id, report=report, at=at)
        found = txn.lock_rows(rows).first()
    return found


def _elapsed(started_at: datetime, at: datetime) -> int:
    return max(0, int((at - started_at).total_seconds() * 1_000))


def _monitor_update(monitor: Monitor, report: JobRunReport, run: CheckIn, at: datetime) -> None:
    """Bring the job's row up to date: its schedule as told last, and its last run unless this is an older one."""
    if report.schedule:
        monitor.schedule, monitor.timezone = report.schedule, report.timezone
        monitor.margin_minutes, monitor.longest_minutes = report.margin_minutes, report.longest_minutes
    if run.started_at >= monitor.last_started_at or run.check_in_id == monitor.last_check_in_id:
        monitor.last_check_in_id, monitor.last_status = run.check_in_id, run.status
        monitor.last_started_at, monitor.last_duration_ms = run.started_at, run.duration_ms
        monitor.last_release = report.release or monitor.last_release
    if report.status == "ok":
        monitor.last_ok_at = at
    monitor.save()


@dataclass(frozen=True, slots=True)
class JobOfProduct:
    """One job as Operations shows it."""

    monitor: Monitor
    health: JobHealth


@transactional(TransactionIntent.READ_ONLY)
def product_jobs_read(session: Session) -> list[JobOfProduct]:
    """The product's jobs and how each stands, those that need somebody first; at most JOBS_SHOWN."""
    now = utcnow()
    jobs = [
        JobOfProduct(
            monitor,
            job_health(
                status=monitor.last_status,
                started_at=monitor.last_started_at,
                schedule=monitor.schedule,
                timezone=monitor.timezone,
                margin_minutes=monitor.margin_minutes,
                longest_minutes=monitor.longest_minutes,
                now=now,
            ),
        )
        for monitor in store.monitors_recent(limit=JOBS_SHOWN)
    ]
    return sorted(jobs, key=lambda job: job.health.kind != "fail")


@dataclass(frozen=True, slots=True)
class ProjectDrops:
    """What the SDKs of one project dropped themselves."""

    project_id: int
    drops: SdkDrops


@transactional(TransactionIntent.READ_ONLY)
def sdk_drops_read(session: Session, *, hours: int = 24) -> list[ProjectDrops]:
    """Errors that SDKs dropped before sending them, by project, in the last hours; the most lost first."""
    rows = store.sdk_drops_since(since=utcnow() - timedelta(hours=hours))
    projects: dict[int, list[tuple[str, int]]] = {}
    for project_id, reason, quantity in rows:
        projects.setdefault(project_id, []).append((reason, quantity))
    found = [ProjectDrops(project_id, drops_summarise(counts)) for project_id, counts in projects.items()]
    return sorted(found, key=lambda project: -project.drops.lost)


@transactional(TransactionIntent.ATOMIC_WRITE)
def reports_forget(session: Session, *, before: datetime) -> int:
    """Forget users' words and runs of jobs from before then; how many."""
    return store.user_reports_forget(before=before) + store.check_ins_forget(before=before)
