"""What the console does by itself, and how far its figures can be trusted: jobs and their runs, reconciliations."""

from decimal import Decimal

from django.db import models


class JobRun(models.Model):
    """One run of a job, written when it has ended. Append-only; the old ones leave under a permit (housekeeping)."""

    class Outcome(models.TextChoices):
        OK = "ok", "OK"
        FAILED = "failed", "Failed"
        SKIPPED = "skipped", "Skipped"

    project_id = models.BigIntegerField(default=0)
    job = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    summary = models.CharField(max_length=500, blank=True)
    error_id = models.CharField("error", max_length=36, blank=True)
    triggered_by = models.CharField(max_length=254)
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace

    class Meta:
        db_table = "operations_job_run"
        indexes = [
            # runs_recent(): the page's list, newest first; runs_forget(): the oldest
            models.Index(fields=["-finished_at"], name="operations_job_run_recent"),
            # runs_recent(job=…): one job's
            models.Index(fields=["job", "-finished_at"], name="operations_job_run_job"),
            # runs_correlated(): what one trace did
            models.Index(
                fields=["correlation_id", "started_at"],
                name="operations_run_correlation",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.finished_at:%Y-%m-%d %H:%M} UTC"


class JobState(models.Model):
    """One row per job: the lock that keeps two runs apart, a person's request, the last run that was not skipped."""

    job = models.CharField(max_length=60, primary_key=True)
    project_id = models.BigIntegerField(default=0)
    running_id = models.CharField(max_length=40, blank=True)
    running_since = models.DateTimeField(null=True)
    running_for = models.CharField(max_length=254, blank=True)
    requested_at = models.DateTimeField(null=True)
    requested_by = models.CharField(max_length=254, blank=True)
    last_run = models.ForeignKey(JobRun, null=True, on_delete=models.PROTECT, related_name="+")
    last_ok_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "operations_job_state"


class Reconciliation(models.Model):
    """A pair of source and destination whose rows must agree. How they are compared is named by `key` in the code."""

    project_id = models.BigIntegerField(default=0)
    key = models.CharField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    source = models.CharField(max_length=120)
    destination = models.CharField(max_length=120)
    alert_above = models.DecimalField("alert above, %", max_digits=5, decimal_places=2, default=Decimal("1.00"))

    class Meta:
        db_table = "operations_reconciliation"

    def __str__(self) -> str:
        return self.title


class ReconciliationRun(models.Model):
    """One comparison of a pair over a window of whole hours. Append-only."""

    class Status(models.TextChoices):
        OK = "ok", "OK"
        DRIFT = "drift", "Drift"
        FAILED = "failed", "Failed"

    project_id = models.BigIntegerField(default=0)
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="runs")
    window_since = models.DateTimeField()
    window_until = models.DateTimeField()
    source_rows = models.BigIntegerField()
    missing = models.BigIntegerField()
    extra = models.BigIntegerField()
    changed = models.BigIntegerField()
    drift_percent = models.DecimalField("drift, %", max_digits=20, decimal_places=4)
    status = models.CharField(max_length=10, choices=Status)
    alert = models.BooleanField()
    repaired = models.BigIntegerField()
    summary = models.CharField(max_length=500)
    error_id = models.CharField("error", max_length=36, blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    triggered_by = models.CharField(max_length=254)

    class Meta:
        db_table = "operations_reconciliation_run"
        indexes = [
            # reconciliation_last(): the Health card, and whether it drifted the time before
            models.Index(fields=["reconciliation", "-finished_at"], name="operations_recon_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.finished_at:%Y-%m-%d %H:%M} UTC"
