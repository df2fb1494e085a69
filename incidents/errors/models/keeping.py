"""What outlives retention, and what erasure leaves."""

from django.db import models

from incidents.errors.models.events import ErrorColumns


class KeptError(ErrorColumns):
    """A copy of an incident's first event and of each recurrence: evidence of the lesson, kept past retention."""

    pk = models.CompositePrimaryKey("project_id", "error_id")
    incident_id = models.BigIntegerField()
    reason = models.CharField(max_length=12)  # `first` or `recurrence`
    kept_at = models.DateTimeField()

    class Meta:
        db_table = "infra_error_kept"
        # errors_kept_of(): an incident's
        indexes = [models.Index(fields=["incident_id"], name="infra_error_kept_incident")]


class ErasureTombstone(models.Model):
    """An erased event: that it was there and is gone on purpose; nothing of whom it was about."""

    pk = models.CompositePrimaryKey("project_id", "error_id")
    project_id = models.BigIntegerField()
    error_id = models.CharField(max_length=36)
    incident_id = models.BigIntegerField(default=0)
    erased_at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)

    class Meta:
        db_table = "infra_error_tombstones"
