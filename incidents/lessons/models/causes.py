"""What people wrote of an incident: root causes and lessons. Append-only: a correction is a row."""

from django.db import models

from incidents.triage.models import Incident


class RootCause(models.Model):
    """Append-only: what happened and why it could, written by a person (requirement 54). The last one counts.

    `broken_commits`: the commits (7 to 64 hex) on which a control has to fail; `evidence`: error ids pinned to it, or
    `evidence_reason`: why none was left to pin.
    """

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="root_causes")
    revision = models.PositiveIntegerField()
    text = models.TextField()
    contributing_factors = models.JSONField(default=list, blank=True)
    broken_commits = models.JSONField(default=list, blank=True)
    evidence = models.JSONField(default=list, blank=True)
    evidence_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    author = models.CharField(max_length=254)
    written_at = models.DateTimeField()

    class Meta:
        db_table = "lessons_root_cause"
        ordering = ["-written_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["incident", "revision"], name="lessons_root_cause_revision"),
            models.CheckConstraint(condition=~models.Q(text=""), name="lessons_root_cause_has_text"),
        ]

    def __str__(self) -> str:
        return f"Root cause of INC-{self.incident_id}, revision {self.revision}"


class Lesson(models.Model):
    """Append-only: what we believed, what was true, what we do now. A corrected one is replaced by a later row."""

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="lessons")
    believed = models.TextField("what we believed")
    was_true = models.TextField("what was true")
    do_now = models.TextField("what we do now")
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")
    author = models.CharField(max_length=254)
    written_at = models.DateTimeField()

    class Meta:
        db_table = "lessons_lesson"
        ordering = ["-written_at", "-id"]
        indexes = [
            # lessons_current(): the newest first
            models.Index(fields=["-written_at", "-id"], name="lessons_lesson_recent"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(believed="") & ~models.Q(was_true="") & ~models.Q(do_now=""),
                name="lessons_lesson_has_text",
            ),
        ]

    def __str__(self) -> str:
        return f"Lesson of INC-{self.incident_id}"
