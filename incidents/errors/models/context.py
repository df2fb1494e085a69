"""What surrounds an error: the spans of its trace, what users said, and the heartbeats of jobs."""

from django.db import models


class Span(models.Model):
    """One span that OTLP brought. Every trace's wait a short while for an error of theirs; those of failing traces are
    `kept` for days, as context. Attributes are scrubbed.
    """

    pk = models.CompositePrimaryKey("project_id", "trace_id", "span_id")
    project_id = models.BigIntegerField()
    trace_id = models.CharField(max_length=32)
    span_id = models.CharField(max_length=16)
    parent_span_id = models.CharField(max_length=16, blank=True, default="")
    name = models.CharField(max_length=200)
    component = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)
    status = models.CharField(max_length=5)  # `ok`, `error` or `unset`
    started_at = models.DateTimeField()
    duration_us = models.BigIntegerField()
    attributes = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    kept = models.BooleanField(default=False)

    class Meta:
        db_table = "infra_spans"
        indexes = [
            # spans_of_correlation(): a waterfall across projects, for the founders
            models.Index(fields=["trace_id"], name="infra_spans_trace"),
            # traces_waiting() and spans_forget(): what the span job takes, the oldest first
            models.Index(fields=["kept", "created_at"], name="infra_spans_age"),
        ]


class UserReport(models.Model):
    """What a user said about an error, scrubbed; who it was only as a keyed hash."""

    project_id = models.BigIntegerField()
    report_id = models.CharField(max_length=36)
    error_id = models.CharField(max_length=36, blank=True, default="")
    correlation_id = models.CharField(max_length=64, blank=True, default="")
    # The group of the error that it is about, which leads to the incident; empty while that error is not known.
    fingerprint = models.CharField(max_length=32, blank=True, default="")
    comments = models.TextField()
    user_hash = models.CharField(max_length=16, blank=True, default="")
    release = models.CharField(max_length=200, blank=True, default="")
    environment = models.CharField(max_length=64, blank=True, default="")
    url = models.CharField(max_length=1000, blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "infra_user_reports"
        constraints = [models.UniqueConstraint(fields=["project_id", "report_id"], name="infra_user_report_once")]
        indexes = [
            # user_reports_of(): an incident's, by error, by group, by trace
            models.Index(fields=["project_id", "error_id"], name="infra_user_report_error"),
            models.Index(fields=["project_id", "fingerprint", "-created_at"], name="infra_user_report_group"),
            models.Index(fields=["project_id", "correlation_id"], name="infra_user_report_trace"),
            # reports_correlated(): across projects, for the founders
            models.Index(
                fields=["correlation_id", "created_at"],
                name="infra_user_report_together",
                condition=~models.Q(correlation_id=""),
            ),
            # what retention takes
            models.Index(fields=["created_at"], name="infra_user_report_created"),
        ]


class Monitor(models.Model):
    """A scheduled job of the product, as its check-ins describe it: one row a job and environment, kept up to date with
    each check-in so that the page of jobs costs the same however often they ran. `schedule` is a crontab line, `every
    15 minutes`, or empty when the SDK told none; then a run that stays away cannot be told from a quiet job.
    """

    project_id = models.BigIntegerField()
    name = models.CharField(max_length=120)
    environment = models.CharField(max_length=64)
    schedule = models.CharField(max_length=120, blank=True, default="")
    timezone = models.CharField(max_length=64, blank=True, default="")
    margin_minutes = models.PositiveIntegerField(default=1)
    longest_minutes = models.PositiveIntegerField(default=30)
    last_check_in_id = models.CharField(max_length=36)
    last_status = models.CharField(max_length=12)  # as CheckIn.status
    last_started_at = models.DateTimeField()
    last_duration_ms = models.BigIntegerField(null=True)
    last_release = models.CharField(max_length=200, blank=True, default="")
    last_ok_at = models.DateTimeField(null=True)
    first_at = models.DateTimeField()

    class Meta:
        db_table = "infra_monitors"
        constraints = [
            models.UniqueConstraint(fields=["project_id", "name", "environment"], name="infra_monitor_once"),
        ]
        indexes = [
            # the page of jobs, the newest first, and what retention takes
            models.Index(fields=["-last_started_at"], name="infra_monitor_recent"),
        ]

    def __str__(self) -> str:
        return self.name


class CheckIn(models.Model):
    """A scheduled job of the product said how it went (Sentry's check-ins); one row an execution."""

    pk = models.CompositePrimaryKey("project_id", "check_in_id")
    project_id = models.BigIntegerField()
    check_in_id = models.CharField(max_length=36)
    monitor = models.CharField(max_length=120)
    status = models.CharField(max_length=12)  # `in_progress`, `ok`, `error`
    duration_ms = models.BigIntegerField(null=True)
    environment = models.CharField(max_length=64)
    release = models.CharField(max_length=200, blank=True, default="")
    schedule = models.CharField(max_length=120, blank=True, default="")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "infra_check_ins"
        indexes = [
            # check_ins_recent(): a monitor's, newest first; check_ins_forget()
            models.Index(fields=["project_id", "monitor", "-started_at"], name="infra_check_in_monitor"),
            models.Index(fields=["started_at"], name="infra_check_in_started"),
        ]
