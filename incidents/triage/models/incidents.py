"""Incidents: a fingerprint group with a life. Its numbers are kept in the transaction that stores the events."""

from django.db import models
from django.db.models.lookups import IsNull

# What a person may still have to do something about: the open ones, and those that were only prevented.
_UNFINISHED = ("detected", "acknowledged", "diagnosed", "recurred", "prevented")


class Incident(models.Model):
    """Detected → acknowledged → diagnosed → prevented → closed, or recurred. Shown as `INC-<pk>`.

    A merged one is frozen as it was when it was merged; `merged_into` has its hashes and its figures since.
    """

    class Status(models.TextChoices):
        DETECTED = "detected", "Detected"
        ACKNOWLEDGED = "acknowledged", "Acknowledged"
        DIAGNOSED = "diagnosed", "Diagnosed"
        PREVENTED = "prevented", "Prevented"
        CLOSED = "closed", "Closed"
        RECURRED = "recurred", "Recurred"
        MERGED = "merged", "Merged"

    class Priority(models.TextChoices):
        P0 = "P0", "P0 critical"
        P1 = "P1", "P1 high"
        P2 = "P2", "P2 medium"
        P3 = "P3", "P3 low"

    project_id = models.BigIntegerField()
    title = models.CharField(max_length=250)
    component = models.CharField(max_length=200)
    error_class = models.CharField(max_length=64)
    category = models.CharField(max_length=40)
    layer = models.CharField(max_length=2)
    severity = models.CharField(max_length=10, help_text="The worst severity seen: DEBUG to CRITICAL.")
    ops_severity = models.CharField(max_length=10, help_text="What it asks of an operator: info to urgent.")
    priority = models.CharField(max_length=2, choices=Priority)
    priority_confirmed = models.BooleanField(default=False)
    priority_inferred = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Proposed from another incident, not from its own errors: it waits for a person.",
    )
    status = models.CharField(max_length=12, choices=Status, default=Status.DETECTED)
    owner = models.CharField(max_length=254, blank=True)
    synthetic = models.BooleanField(default=False)
    hidden = models.BooleanField(default=False)
    trusted = models.BooleanField(default=False, help_text="At least one event came under a trusted key.")

    occurrences = models.BigIntegerField(default=0)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    first_error_id = models.CharField(max_length=36)
    last_error_id = models.CharField(max_length=36)
    first_correlation_id = models.CharField(max_length=64, blank=True)
    last_release = models.CharField(max_length=200, blank=True)
    last_environment = models.CharField(max_length=64, blank=True)

    detected_at = models.DateTimeField(help_text="When the first event was stored: the diagnosis clock starts.")
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    diagnosed_at = models.DateTimeField(null=True, blank=True, help_text="The diagnosis clock stopped.")
    prevented_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    recurrences = models.PositiveIntegerField(default=0)
    recurred_at = models.DateTimeField(null=True, blank=True)
    fixed_in_release = models.CharField(
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text="The release that has the fix, or its commit: an error of an older one is no recurrence.",
    )
    recurrence_confirmed = models.BooleanField(
        default=True, help_text="False: seen under a public key, a person has yet to confirm."
    )
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="merged_from")
    # Counted up with each move of a hash from or to it, so that a batch notices one that was faster (recording.py).
    moves = models.PositiveIntegerField(default=0, db_default=0)

    # What people do with it (models.life). Each has a default in the database too: capture's own INSERT names none.
    revision = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Counted up by each move of a person: a form carries the one that it saw."
    )
    owner_id = models.BigIntegerField(null=True, blank=True, help_text="The owner's row, where a person has taken it.")
    escalation_step = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How many steps of the escalation path have been told since detection."
    )
    update_from = models.DateTimeField(
        null=True, blank=True, help_text="Since when the next status update is awaited; empty: since detection."
    )
    reminded_at = models.DateTimeField(null=True, blank=True, help_text="When an overdue update was last called for.")
    snoozed_at = models.DateTimeField(null=True, blank=True, help_text="Asleep since; empty: awake.")
    snoozed_until = models.DateTimeField(null=True, blank=True)
    snoozed_occurrences = models.BigIntegerField(null=True, blank=True, help_text="It wakes at this count.")
    snoozed_release = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="It wakes in a release that is new after this."
    )

    class Meta:
        db_table = "triage_incident"
        ordering = ["-last_seen"]
        indexes = [
            # incidents_filtered(): the list, newest first, and its status filter
            models.Index(fields=["synthetic", "-last_seen"], name="triage_incident_recent"),
            models.Index(fields=["status", "-last_seen"], name="triage_incident_status"),
            # incidents_of_project(): one tenant's
            models.Index(fields=["project_id", "-last_seen"], name="triage_incident_project"),
            # incidents_like(): what an incident's page compares it with
            models.Index(fields=["project_id", "error_class", "-id"], name="triage_incident_class"),
            models.Index(fields=["project_id", "component", "-id"], name="triage_incident_component"),
            # incidents_blocking(), incidents_undiagnosed(): the grave ones, whatever became of them
            models.Index(fields=["priority", "status"], name="triage_incident_priority"),
            # incidents_waiting(): the gravest with a next step; incident_figures(), diagnosis_clocks()
            models.Index(
                fields=["priority", "-last_seen", "status", "hidden", "detected_at", "diagnosed_at"],
                name="triage_incident_waiting",
                condition=models.Q(synthetic=False, status__in=_UNFINISHED),
            ),
            # diagnosis_clocks(), diagnoses_hourly(): how long diagnoses took
            models.Index(
                fields=["diagnosed_at", "detected_at"],
                name="triage_incident_took",
                condition=models.Q(diagnosed_at__isnull=False, synthetic=False, merged_into__isnull=True),
            ),
            # incidents_opened_daily(): the trend of the home page
            models.Index(
                fields=["detected_at"],
                name="triage_incident_opened",
                condition=models.Q(synthetic=False, hidden=False, merged_into__isnull=True),
            ),
            # controls_not_holding(): the few that no figure counts
            models.Index(
                fields=["id"],
                name="triage_incident_unreal",
                condition=models.Q(synthetic=True) | models.Q(hidden=True),
            ),
            # incidents_listed(): the default list, open and awake, what needs a person first
            models.Index(
                "priority",
                IsNull(models.F("acknowledged_at"), False),
                models.F("detected_at").desc(),
                models.F("id").desc(),
                name="triage_incident_attention",
                condition=models.Q(prevented_at__isnull=True, merged_into__isnull=True, snoozed_at__isnull=True),
            ),
            # incidents_asleep(): those that wait for a time, a count or a release
            models.Index(
                fields=["snoozed_until"],
                name="triage_incident_asleep",
                condition=models.Q(snoozed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """`INC-12`."""
        return f"INC-{self.pk}"

    @property
    def priority_counts(self) -> bool:
        """Whether its priority may act by itself (cancel a pilot): a person confirmed it, or errors under a trusted key
        made it. One that the console inferred from another incident is no error that anybody met: it waits.
        """
        return self.priority_confirmed or (self.trusted and not self.priority_inferred)


class IncidentRelease(models.Model):
    """In which releases and environments an incident was seen, and how often."""

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="releases")
    release = models.CharField(max_length=200, blank=True)
    environment = models.CharField(max_length=64)
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    occurrences = models.BigIntegerField()

    class Meta:
        db_table = "triage_incident_release"
        constraints = [
            models.UniqueConstraint(fields=["incident", "release", "environment"], name="triage_release_once"),
        ]
        indexes = [
            # releases_first_seen(): when a project first had an event of a release
            models.Index(fields=["project_id", "release", "environment", "first_seen"], name="triage_release_first"),
            # releases_born(): what was new around the first sight of an incident
            models.Index(fields=["project_id", "first_seen"], name="triage_release_born"),
        ]


class IncidentHour(models.Model):
    """Occurrences per hour (UTC, by arrival): what the incident's timeline draws."""

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="hours")
    hour = models.DateTimeField()
    occurrences = models.BigIntegerField()

    class Meta:
        db_table = "triage_incident_hour"
        constraints = [models.UniqueConstraint(fields=["incident", "hour"], name="triage_hour_once")]


class TimelineEntry(models.Model):
    """Append-only: everything that happened to an incident, with people's notes."""

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(Incident, on_delete=models.DO_NOTHING, related_name="timeline", db_constraint=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=4000)
    actor = models.CharField(max_length=254)
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace

    class Meta:
        db_table = "triage_timeline_entry"
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["incident", "at", "id"], name="triage_timeline_incident"),
            # moves_hourly(): the trends of what was detected, recurred and prevented
            models.Index(fields=["kind", "at"], name="triage_timeline_kind"),
            # timeline_correlated(): what one trace did to incidents
            models.Index(
                fields=["correlation_id", "at"],
                name="triage_timeline_correlation",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]
