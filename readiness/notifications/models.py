"""Telling people: what there was to tell, by which ways, to whom, and what became of each delivery."""

from django.db import models


class Notice(models.Model):
    """One thing that people should hear of; told once, whatever publishes it again. Append-only."""

    project_id = models.BigIntegerField(default=0)
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=2_000, blank=True)
    priority = models.CharField(max_length=2, blank=True)
    page = models.CharField(max_length=300, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "notifications_notice"
        constraints = [models.UniqueConstraint(fields=["project_id", "key"], name="notifications_notice_once")]
        indexes = [
            # notices_recent(): the page's list, newest first; notices_forget(): the oldest
            models.Index(fields=["-at"], name="notifications_notice_recent"),
        ]

    def __str__(self) -> str:
        return self.title
