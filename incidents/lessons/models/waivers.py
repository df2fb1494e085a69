"""Waivers: a named person lets something count for a while although nothing proves it, and says why."""

from django.db import models

from incidents.lessons.models.controls import Control
from incidents.lessons.services.waivers import WaiverKind
from incidents.triage.models import Incident


class Waiver(models.Model):
    """Append-only: who gave it, why, and until when. What it is worth is asked anew each time it is read
    (services.waivers): from `expires_at` on, or once revoked, nothing. Shown as `WVR-<pk>`.
    """

    class Kind(models.TextChoices):
        CLOSE = WaiverKind.CLOSE.value, "The incident may close without a proven control"
        COUNT = WaiverKind.COUNT.value, "The control counts although it is stale or broken"

    project_id = models.BigIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="waivers")
    control = models.ForeignKey(Control, null=True, blank=True, on_delete=models.PROTECT, related_name="waivers")
    reason = models.TextField()
    given_by = models.CharField(max_length=254)
    given_role = models.CharField(max_length=10, help_text="The giver's role then: only a founder's covers P0 and P1.")
    given_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "lessons_waiver"
        ordering = ["-id"]
        indexes = [
            # waivers_of_incidents(), waivers_lapsed(): those of a few incidents, those that ended lately
            models.Index(fields=["incident", "expires_at"], name="lessons_waiver_incident"),
            models.Index(fields=["kind", "expires_at"], name="lessons_waiver_expiry"),
        ]
        constraints = [
            models.CheckConstraint(condition=~models.Q(reason="") & ~models.Q(given_by=""), name="lessons_waiver_said"),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("given_at")), name="lessons_waiver_expires_later"
            ),
            models.CheckConstraint(
                condition=models.Q(kind=WaiverKind.CLOSE.value, control__isnull=True)
                | models.Q(kind=WaiverKind.COUNT.value, control__isnull=False),
                name="lessons_waiver_of_its_kind",
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """`WVR-3`."""
        return f"WVR-{self.pk}"


class WaiverRevocation(models.Model):
    """Append-only: the waiver counts no more, before its time; at most one for each."""

    project_id = models.BigIntegerField()
    waiver = models.OneToOneField(Waiver, on_delete=models.PROTECT, related_name="revocation")
    reason = models.TextField(blank=True)
    revoked_by = models.CharField(max_length=254)
    revoked_at = models.DateTimeField()

    class Meta:
        db_table = "lessons_waiver_revocation"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"WVR-{self.waiver_id}, revoked"
