"""The tables of flags: what each says now, its history, and a counter that tells pollers when to read again."""

from urllib.parse import urlencode

from django.db import models
from django.db.models import Q
from django.urls import reverse

from flags.services.values import PRODUCTION, FlagType


class Visibility(models.TextChoices):
    """Public flags are given to whoever asks /config; private ones need a key."""

    PUBLIC = "public", "Public"
    PRIVATE = "private", "Private"


class Flag(models.Model):
    """One flag in one environment of one project; project_id 0 is the installation, which speaks for every project
    without a row of its own. `value` and `safe_value` are in the stored form of `flags.services.values`.
    """

    project_id = models.BigIntegerField(default=0)
    environment = models.CharField(max_length=64, default=PRODUCTION)
    key = models.CharField(max_length=100)
    type = models.CharField(max_length=10, choices=[(t.value, t.value.capitalize()) for t in FlagType])
    value = models.JSONField(blank=True)  # an empty text and an empty object are values too
    safe_value = models.JSONField(null=True, blank=True)
    killed = models.BooleanField(default=False)
    visibility = models.CharField(max_length=10, choices=Visibility, default=Visibility.PRIVATE)
    description = models.CharField(max_length=500, blank=True)
    minimum = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)
    maximum = models.DecimalField(max_digits=24, decimal_places=8, null=True, blank=True)
    version = models.PositiveIntegerField(default=1)
    changed_at = models.DateTimeField()
    changed_by = models.CharField(max_length=200)

    class Meta:
        db_table = "flags_flag"
        constraints = [
            # Also serves /config: the flags of a project and of the installation in an environment.
            models.UniqueConstraint(fields=["project_id", "environment", "key"], name="flags_flag_once"),
            models.CheckConstraint(
                condition=Q(killed=False) | Q(safe_value__isnull=False), name="flags_killed_has_safe"
            ),
            models.CheckConstraint(condition=Q(project_id__gte=0), name="flags_flag_project"),
        ]
        indexes = [models.Index(fields=["key"], name="flags_by_key")]  # the page of one key, everywhere it is set

    def __str__(self) -> str:
        return self.key

    def get_absolute_url(self) -> str:
        """Its page on the console, in its own place."""
        asked = {
            **({"project": self.project_id} if self.project_id else {}),
            **({"environment": self.environment} if self.environment != PRODUCTION else {}),
        }
        return reverse("flag", args=[self.key]) + (f"?{urlencode(asked)}" if asked else "")


class FlagRevision(models.Model):
    """Append-only: who changed what, when, from what to what, and why. `before` and `after` hold the changed fields.

    It names its flag by project, environment and key, so it outlives a flag that was removed; `flag` is for the admin.
    """

    flag = models.ForeignKey(Flag, on_delete=models.DO_NOTHING, db_constraint=False, related_name="revisions")
    project_id = models.BigIntegerField()
    environment = models.CharField(max_length=64)
    key = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    action = models.CharField(max_length=10)
    before = models.JSONField()
    after = models.JSONField()
    reason = models.CharField(max_length=500, blank=True)
    actor_kind = models.CharField(max_length=10)
    actor_name = models.CharField(max_length=200)
    actor_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace

    class Meta:
        db_table = "flags_revision"
        constraints = [
            # One row for each version: two writers of the same version cannot both be recorded. Serves the history.
            models.UniqueConstraint(fields=["project_id", "environment", "key", "version"], name="flags_revision_once"),
        ]
        indexes = [
            models.Index(fields=["at"], name="flags_revision_at"),  # what changed lately, on the incident page
            # revisions_correlated(): what one trace did
            models.Index(
                fields=["correlation_id", "at"],
                name="flags_revision_correlation",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} v{self.version} {self.action}"


class FlagCounter(models.Model):
    """Grows with each change to a project's flags in an environment, in the change's own transaction. It is what web
    processes ask for instead of the flags, and the row whose lock puts writers in line.
    """

    project_id = models.BigIntegerField()
    environment = models.CharField(max_length=64)
    revision = models.BigIntegerField(default=0)

    class Meta:
        db_table = "flags_counter"
        constraints = [models.UniqueConstraint(fields=["project_id", "environment"], name="flags_counter_once")]
