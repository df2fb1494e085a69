"""Capture's queries: what users said, how the product's jobs went, and what SDKs dropped themselves."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from incidents.errors.models import CheckIn, DroppedCount, ErrorEvent, Monitor, UserReport
from incidents.errors.services.check_ins import JobRunReport
from incidents.errors.services.feedback import UserSaid
from incidents.errors.store.writing import hour_of

MAX_REASONS = 100


# --- what users said ----------------------------------------------------------------------------------------------


def fingerprints_of_errors(*, project_id: int, error_ids: Collection[str]) -> dict[str, str]:
    """error id → the group that the stored error is in."""
    if not error_ids:
        return {}
    rows = ErrorEvent.objects.filter(project_id=project_id, error_id__in=error_ids)
    return dict(rows.values_list("error_id", "fingerprint"))


def user_reports_add(
    *, project_id: int, reports: Sequence[UserSaid], fingerprints: Mapping[str, str], at: datetime
) -> None:
    """Keep the reports; one that is there already (a retry) stays as it is."""
    UserReport.objects.bulk_create(
        [
            UserReport(
                project_id=project_id,
                report_id=said.report_id,
                error_id=said.error_id,
                correlation_id=said.correlation_id,
                fingerprint=fingerprints.get(said.error_id, ""),
                comments=said.comments,
                user_hash=said.user_hash,
                release=said.release,
                environment=said.environment,
                url=said.url,
                created_at=at,
            )
            for said in reports
        ],
        ignore_conflicts=True,
    )


def user_reports_of(
    *,
    project_id: int,
    fingerprints: Collection[str],
    error_ids: Collection[str],
    correlation_ids: Collection[str],
    limit: int,
) -> QuerySet[UserReport]:
    """What users said about these groups, errors and traces, the newest first; each by an index of its own."""
    about = Q(fingerprint__in=fingerprints) | Q(error_id__in=error_ids) | Q(correlation_id__in=correlation_ids)
    return UserReport.objects.filter(about, project_id=project_id).order_by("-created_at")[:limit]


def user_reports_unplaced(*, project_id: int, limit: int) -> list[str]:
    """Error ids of reports that came before their errors, the newest first."""
    rows = UserReport.objects.filter(project_id=project_id, fingerprint="").exclude(error_id="")
    return list(rows.order_by("-created_at").values_list("error_id", flat=True)[:limit])


def user_reports_forget(*, before: datetime) -> int:
    """Forget what users said before then; how many reports went."""
    return UserReport.objects.filter(created_at__lt=before).delete()[0]


# --- the product's jobs -------------------------------------------------------------------------------------------


def monitor_rows(*, project_id: int, name: str, environment: str) -> QuerySet[Monitor]:
    """The job's row, to be locked; at most one."""
    return Monitor.objects.filter(project_id=project_id, name=name, environment=environment)


def monitor_make(*, project_id: int, report: JobRunReport, at: datetime) -> None:
    """A row for a job that is heard of for the first time; another process may make it at the same moment."""
    row = Monitor(
        project_id=project_id, name=report.monitor, environment=report.environment, last_status=report.status,
        last_check_in_id="", last_started_at=report.started_at(at), first_at=at,
    )  # fmt: skip
    Monitor.objects.bulk_create([row], ignore_conflicts=True)


def monitors_count(project_id: int) -> int:
    """How many jobs the project has."""
    return Monitor.objects.filter(project_id=project_id).count()


def check_in_find(*, project_id: int, check_in_id: str) -> CheckIn | None:
    """One run by its id."""
    return CheckIn.objects.filter(project_id=project_id, check_in_id=check_in_id).first()


def check_in_under_way(*, project_id: int, name: str, environment: str) -> CheckIn | None:
    """The job's latest run that has not ended yet."""
    rows = CheckIn.objects.filter(project_id=project_id, monitor=name, environment=environment)
    return rows.filter(status="in_progress").order_by("-started_at").first()


def check_in_save(row: CheckIn, *, is_new: bool) -> None:
    """Insert or update one run."""
    row.save(force_insert=is_new, force_update=not is_new)


def check_in_new(*, project_id: int, check_in_id: str, report: JobRunReport, at: datetime) -> CheckIn:
    """The row of a run that was unknown, not yet saved."""
    return CheckIn(
        project_id=project_id,
        check_in_id=check_in_id,
        monitor=report.monitor,
        status=report.status,
        duration_ms=report.duration_ms,
        environment=report.environment,
        release=report.release,
        schedule=report.schedule,
        started_at=report.started_at(at),
        updated_at=at,
    )


def monitors_recent(*, limit: int) -> QuerySet[Monitor]:
    """The jobs of all projects, the last started first."""
    return Monitor.objects.order_by("-last_started_at")[:limit]


def check_ins_forget(*, before: datetime) -> int:
    """Forget the runs and the jobs that have not been heard of since then; how many runs went."""
    Monitor.objects.filter(last_started_at__lt=before).delete()
    return CheckIn.objects.filter(started_at__lt=before).delete()[0]


# --- what SDKs dropped --------------------------------------------------------------------------------------------


def sdk_drops_since(*, since: datetime) -> list[tuple[int, str, int]]:
    """(project, reason, quantity) of what SDKs say they dropped since then (index infra_error_drops_hour)."""
    rows = (
        DroppedCount.objects.filter(hour__gte=hour_of(since), source="sdk")
        .values_list("project_id", "reason")
        .annotate(total=Sum("quantity"))
        .order_by("-total")
    )
    return list(rows[:MAX_REASONS])
