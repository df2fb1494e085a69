"""The incident memory: every error ever captured, append-only, and the rollups that dashboards read."""

from django.db import models


class ErrorColumns(models.Model):
    """The columns of a stored error (requirements 81-82, 95-110)."""

    project_id = models.BigIntegerField()
    error_id = models.CharField(max_length=36)
    timestamp = models.DateTimeField()
    layer = models.CharField(max_length=2)
    component = models.CharField(max_length=200)
    error_class = models.CharField(max_length=64)
    severity = models.CharField(max_length=10)
    message = models.TextField()
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  nullable by requirement 102
    span_id = models.CharField(max_length=32, null=True)  # noqa: DJ001
    decision_id = models.CharField(max_length=200, null=True)  # noqa: DJ001  requirement 103
    run_id = models.CharField(max_length=200, null=True)  # noqa: DJ001  requirement 104
    agent_id = models.CharField(max_length=200, null=True)  # noqa: DJ001
    reported_tenant = models.CharField(max_length=200, null=True)  # noqa: DJ001
    input_hash = models.CharField(max_length=16, null=True)  # noqa: DJ001  requirement 105
    exception_type = models.CharField(max_length=200, null=True)  # noqa: DJ001  requirement 106
    exception_chain = models.JSONField(default=list)
    context = models.JSONField(default=dict)
    envelope_version = models.PositiveSmallIntegerField()
    release = models.CharField(max_length=200, null=True)  # noqa: DJ001
    environment = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=32)
    payload = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta:
        abstract = True


class ErrorEvent(ErrorColumns):
    """`infra_error_events` (requirements 95-118). Partitioned by day of `created_at` on PostgreSQL; the migration
    makes the table by vendor, so Django never alters it. Its key there is (project_id, error_id, created_at).
    """

    pk = models.CompositePrimaryKey("project_id", "error_id")

    class Meta:
        managed = False
        db_table = "infra_error_events"


class ErrorSummary(models.Model):
    """The same table for the admin, which needs a key of one column: what its L3 view shows, to look at only."""

    error_id = models.CharField(max_length=36, primary_key=True)
    project_id = models.BigIntegerField()
    timestamp = models.DateTimeField()
    layer = models.CharField(max_length=2)
    component = models.CharField(max_length=200)
    error_class = models.CharField(max_length=64)
    severity = models.CharField(max_length=10)
    message = models.TextField()
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001
    release = models.CharField(max_length=200, null=True)  # noqa: DJ001
    environment = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "infra_error_events"
        verbose_name = "error"

    def __str__(self) -> str:
        return self.error_id


class ErrorId(models.Model):
    """The ledger that decides which write was first: unpartitioned, so that a retry after midnight is one event."""

    pk = models.CompositePrimaryKey("project_id", "error_id")
    project_id = models.BigIntegerField()
    error_id = models.CharField(max_length=36)
    content_hmac = models.BinaryField()
    day = models.DateField()

    class Meta:
        db_table = "infra_error_ids"
        # error_ids_forget(): retention, by day
        indexes = [models.Index(fields=["day"], name="infra_error_ids_day")]


class ErrorRollup(models.Model):
    """Counts per hour of arrival (UTC), kept in the transaction that stores the events: a closed hour never changes."""

    pk = models.CompositePrimaryKey("hour", "project_id", "component", "error_class", "severity")
    hour = models.DateTimeField()
    project_id = models.BigIntegerField()
    component = models.CharField(max_length=200)
    error_class = models.CharField(max_length=64)
    severity = models.CharField(max_length=10)
    events = models.BigIntegerField()
    # Of those, how many have left the table since, one by one (retention by count, erasure).
    removed = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "infra_error_rollups"
