"""Errors that never became events, and the limits that decide it: counted, shown, announced once."""

from django.db import models


class DroppedCount(models.Model):
    """Errors that never became events, counted by reason: refused or sampled here, or dropped by the SDK itself (its
    reports). `key_kind` (`dsn` or `api`) and `key_id`: the key that sent them, `incident_id`: the incident they belong
    to; empty and 0 are unknown. `first_at`, `last_at`: between when, inside the hour.
    """

    project_id = models.BigIntegerField()
    hour = models.DateTimeField()
    source = models.CharField(max_length=10)  # `sdk` or `console`
    category = models.CharField(max_length=40)
    reason = models.CharField(max_length=60)
    key_kind = models.CharField(max_length=4, blank=True, default="")
    key_id = models.BigIntegerField(default=0)
    incident_id = models.BigIntegerField(default=0)
    quantity = models.BigIntegerField()
    first_at = models.DateTimeField(null=True)
    last_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "infra_error_drops"
        constraints = [
            models.UniqueConstraint(
                fields=["project_id", "hour", "source", "category", "reason", "key_kind", "key_id", "incident_id"],
                name="infra_error_drops_once",
            ),
        ]
        indexes = [
            # drops_of_incidents(): what an incident's page shows
            models.Index(fields=["incident_id", "hour"], name="infra_error_drops_incident"),
            # drops_forget(): retention, and the latest of all
            models.Index(fields=["hour"], name="infra_error_drops_hour"),
        ]


class CaptureWindow(models.Model):
    """How much came in each minute, over all processes: `scope` is `key` (ref: `dsn:4`, `api:7`) or `group` (ref: the
    fingerprint). `events` were taken in, `kept` of them in full.

    Counted in the transaction that stores the events, so that a limit holds for the installation, not for a process.
    """

    pk = models.CompositePrimaryKey("minute", "project_id", "scope", "ref")
    minute = models.DateTimeField()
    project_id = models.BigIntegerField()
    scope = models.CharField(max_length=8)
    ref = models.CharField(max_length=40)
    events = models.BigIntegerField()
    kept = models.BigIntegerField(default=0)

    class Meta:
        db_table = "infra_capture_windows"


class LimitNotice(models.Model):
    """A limit was hit: one row a day for each key (`ref`: `dsn:4`) or incident (`INC-12`), announced
    once, and shown to them until one of them has seen it.
    """

    project_id = models.BigIntegerField()
    day = models.DateField()
    scope = models.CharField(max_length=8)  # `key`, `incident` or `spike`
    ref = models.CharField(max_length=40)
    text = models.CharField(max_length=500)
    first_at = models.DateTimeField()
    seen_by = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        db_table = "infra_limit_notices"
        constraints = [
            models.UniqueConstraint(fields=["project_id", "day", "scope", "ref"], name="infra_limit_notice_once"),
        ]
