"""Tables of the floor: the outbox, idempotent answers, deletion permits and their audit."""

from django.db import models


class OutboxMessage(models.Model):
    """Work that must happen after a commit: written in the same transaction, delivered at least once afterwards."""

    project_id = models.BigIntegerField(default=0)
    topic = models.CharField(max_length=100)
    key = models.CharField(max_length=200)
    payload = models.JSONField(default=dict)
    traceparent = models.CharField(max_length=60, blank=True)
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=500, blank=True)

    class Meta:
        db_table = "infra_outbox"
        indexes = [
            # outbox_due(): the undelivered, oldest first
            models.Index(
                fields=["due_at"],
                name="infra_outbox_due",
                condition=models.Q(delivered_at__isnull=True, dead_at__isnull=True),
            ),
            # outbox_backlog(), outbox_undelivered(): the dead, which nothing delivers any more
            models.Index(fields=["dead_at"], name="infra_outbox_dead", condition=models.Q(dead_at__isnull=False)),
            # outbox_correlated(): what a trace left to be done after its commits
            models.Index(
                fields=["correlation_id", "created_at"],
                name="infra_outbox_correlation",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]


class IdempotentAnswer(models.Model):
    """The first answer to a request that carried an Idempotency-Key, given again to its retries for a day."""

    project_id = models.BigIntegerField()
    scope = models.CharField(max_length=100)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "infra_idempotent_answers"
        constraints = [
            models.UniqueConstraint(fields=["project_id", "scope", "key"], name="infra_idempotent_once"),
        ]


class DeletionPermit(models.Model):
    """Lives only inside the transaction that deletes under it (readiness.infra.append_only)."""

    table_name = models.CharField(max_length=63)
    cutoff = models.DateTimeField(null=True)
    row_ids = models.JSONField(default=list)
    actor = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        db_table = "infra_deletion_permits"


class DeletionAudit(models.Model):
    """Append-only copy of every permit ever written, made by a database trigger."""

    table_name = models.CharField(max_length=63)
    cutoff = models.DateTimeField(null=True)
    row_ids = models.JSONField(default=list)
    actor = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    class Meta:
        db_table = "infra_deletion_audit"
