"""What founders decide about capture: rules and settings; project 0 stands for every project."""

from django.db import models

from readiness.infra.envelope import ErrorClass

_LAYERS = [(layer, layer) for layer in ("L2", "L3", "L4", "L5", "L6")]
_CLASSES = [(error_class.value, error_class.value) for error_class in ErrorClass]


class ExceptionRule(models.Model):
    """Exception type → error class. `pattern` is a glob over the type's full name, whatever its case; the first
    active rule by position wins, the project's own before everybody's.
    """

    project_id = models.BigIntegerField(default=0)
    position = models.PositiveIntegerField(default=100)
    pattern = models.CharField(max_length=200)
    error_class = models.CharField(max_length=64, choices=_CLASSES)
    note = models.CharField(max_length=200, blank=True, default="")
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "infra_exception_rules"
        ordering = ("position", "id")

    def __str__(self) -> str:
        return f"{self.pattern} → {self.error_class}"


class ComponentRule(models.Model):
    """Component → layer, by a glob over the component's name; the first active rule by position wins."""

    project_id = models.BigIntegerField(default=0)
    position = models.PositiveIntegerField(default=100)
    pattern = models.CharField(max_length=200)
    layer = models.CharField(max_length=2, choices=_LAYERS)
    note = models.CharField(max_length=200, blank=True, default="")
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "infra_component_rules"
        ordering = ("position", "id")

    def __str__(self) -> str:
        return f"{self.pattern} → {self.layer}"


class ScrubRule(models.Model):
    """A founder's own scrubbing rule: an RE2 pattern over keys or over values. Rules only ever remove more."""

    class Target(models.TextChoices):
        KEY = "key", "key: the value under a matching key goes"
        VALUE = "value", "value: what matches goes"

    project_id = models.BigIntegerField(default=0)
    name = models.CharField(max_length=120)
    target = models.CharField(max_length=8, choices=Target.choices, default=Target.VALUE)
    pattern = models.CharField(max_length=500)
    sample = models.TextField(blank=True, default="")
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "infra_scrub_rules"
        ordering = ("id",)

    def __str__(self) -> str:
        return self.name


class CaptureSettings(models.Model):
    """A project's own capture settings; empty fields mean the installation's default.

    `kept_fields`: names of raw input that is stored, scrubbed, instead of hashed and dropped (83), one each:
    `request.data.order_id`, `request.query.page`, `frame.vars.attempt`, `request.cookies.theme`. Limits are events a
    minute.
    """

    project_id = models.BigIntegerField(primary_key=True)
    kept_fields = models.JSONField(default=list, blank=True)
    keep_ip = models.BooleanField(default=False)
    key_per_minute = models.PositiveIntegerField(null=True, blank=True)
    incident_per_minute = models.PositiveIntegerField(null=True, blank=True)
    spike_factor = models.PositiveIntegerField(null=True, blank=True)
    events_per_incident = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "infra_capture_settings"
        verbose_name = "capture settings"
        verbose_name_plural = "capture settings"

    def __str__(self) -> str:
        return f"Capture settings of project {self.project_id}"
