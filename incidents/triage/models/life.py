"""What people do with an incident: their moves, post-mortems, and who is told when nobody takes it."""

from django.conf import settings
from django.db import models

from incidents.triage.models.incidents import Incident


class IncidentMove(models.Model):
    """Append-only: one move of a person, with the incident's fields before and after it, so that it can be undone and
    that whoever comes too late is told what was changed. `undoes`: the move that this one took back.
    """

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(
        Incident, on_delete=models.DO_NOTHING, related_name="person_moves", db_constraint=False
    )
    revision = models.PositiveIntegerField(help_text="The incident's revision after the move.")
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=500)
    actor = models.CharField(max_length=254)
    actor_id = models.BigIntegerField(null=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    undoes = models.OneToOneField("self", on_delete=models.DO_NOTHING, null=True, related_name="undone_by")

    class Meta:
        db_table = "triage_incident_move"
        constraints = [models.UniqueConstraint(fields=["incident", "revision"], name="triage_move_once")]

    def __str__(self) -> str:
        return f"INC-{self.incident_id}, move {self.revision}: {self.kind}"


class PostMortem(models.Model):
    """Append-only: what a P0 or P1 taught (requirement 348). The last revision counts; the timeline and the action
    items (the incident's controls) are not written here, they are read where it is shown.
    """

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(
        Incident, on_delete=models.DO_NOTHING, related_name="post_mortems", db_constraint=False
    )
    revision = models.PositiveIntegerField()
    summary = models.TextField()
    impact = models.TextField()
    went_well = models.TextField(blank=True)
    went_wrong = models.TextField()
    lucky = models.TextField(blank=True)
    author = models.CharField(max_length=254)
    written_at = models.DateTimeField()

    class Meta:
        db_table = "triage_post_mortem"
        constraints = [
            models.UniqueConstraint(fields=["incident", "revision"], name="triage_post_mortem_revision"),
            models.CheckConstraint(condition=~models.Q(summary=""), name="triage_post_mortem_has_summary"),
        ]

    def __str__(self) -> str:
        return f"Post-mortem of INC-{self.incident_id}, revision {self.revision}"


class EscalationContact(models.Model):
    """Who is told at a step of the escalation path (requirement 353). `project_id` 0: wherever a project names nobody
    for that step. A person of the console, or a name and an e-mail.
    """

    class Step(models.IntegerChoices):
        FIRST_RESPONDER = 1, "1 First responder (support)"
        ENGINEERING_LEAD = 2, "2 Engineering lead"
        EXECUTIVE = 3, "3 Executive (P0 only)"

    project_id = models.BigIntegerField(default=0)
    step = models.PositiveSmallIntegerField(choices=Step)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    name = models.CharField(max_length=120, blank=True)
    email = models.EmailField("e-mail", blank=True)

    class Meta:
        db_table = "triage_escalation_contact"
        ordering = ["project_id", "step", "pk"]
        constraints = [
            models.CheckConstraint(condition=models.Q(step__in=(1, 2, 3)), name="triage_contact_step_known"),
            models.CheckConstraint(
                condition=models.Q(user__isnull=False) | ~models.Q(email=""),
                name="triage_contact_reachable",
                violation_error_message="Choose a person of the console, or give an e-mail.",
            ),
        ]
        # contacts_of(): a project's path, and the installation's
        indexes = [models.Index(fields=["project_id", "step"], name="triage_contact_project")]

    def __str__(self) -> str:
        return f"Step {self.step}: {self.address}"

    @property
    def address(self) -> str:
        """Where they are written to."""
        return self.user.email if self.user is not None else self.email


class DailySummary(models.Model):
    """What was told of a UTC day's incidents: one row a day, so that it is told once."""

    project_id = models.BigIntegerField(default=0)
    day = models.DateField(unique=True)
    text = models.TextField()
    published_at = models.DateTimeField()

    class Meta:
        db_table = "triage_daily_summary"
        ordering = ["-day"]
        verbose_name_plural = "daily summaries"

    def __str__(self) -> str:
        return f"Incidents on {self.day}"
