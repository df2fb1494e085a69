"""Scenario runs: what the console's synthetic workflows did, and whether they got through."""

from django.db import models


class ScenarioRun(models.Model):
    """Append-only: one run of a scenario, from its first request to its verdict."""

    class Outcome(models.TextChoices):
        PASSED = "passed", "Passed"
        FAILED = "failed", "Failed"

    project_id = models.BigIntegerField()
    scenario = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    reason = models.CharField(max_length=500)
    error_id = models.CharField(max_length=36, blank=True)
    incident = models.CharField(max_length=24, blank=True)
    actor = models.CharField(max_length=254)

    class Meta:
        db_table = "scenarios_run"
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["scenario", "-started_at"], name="scenarios_run_recent")]

    def __str__(self) -> str:
        return f"{self.scenario} at {self.started_at:%Y-%m-%d %H:%M} {self.outcome}"
