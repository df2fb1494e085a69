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
        # kept_newest(): an incident's, by its groups, which merges and splits move
        indexes = [models.Index(fields=["project_id", "fingerprint", "timestamp"], name="infra_error_kept_group")]


class ErasureTombstone(models.Model):
    """An erased event: that it was there and is gone on purpose; nothing of whom it was about. `fingerprint` leads to
    the incident that it is missing from; `of_person`: it went with everything of one person, not by its id.
    """

    pk = models.CompositePrimaryKey("project_id", "error_id")
    project_id = models.BigIntegerField()
    error_id = models.CharField(max_length=36)
    fingerprint = models.CharField(max_length=32, default="", db_default="")
    of_person = models.BooleanField(default=False, db_default=False)
    erased_at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)

    class Meta:
        db_table = "infra_error_tombstones"
        # erasures_of_groups(): what an incident's page says
        indexes = [models.Index(fields=["project_id", "fingerprint"], name="infra_error_tombstones_group")]


class ErasedEvent(models.Model):
    """The same table for the admin, which needs a key of one column; to look at only."""

    error_id = models.CharField(max_length=36, primary_key=True)
    project_id = models.BigIntegerField()
    of_person = models.BooleanField()
    erased_at = models.DateTimeField()
    actor = models.CharField(max_length=254)
    reason = models.CharField(max_length=500)

    class Meta:
        managed = False
        db_table = "infra_error_tombstones"
        verbose_name = "erased error"

    def __str__(self) -> str:
        return self.error_id
