"""Django's entry for the subject `triage`."""

from django.apps import AppConfig


class TriageConfig(AppConfig):
    name = "incidents.triage"
    label = "triage"
    default_auto_field = "django.db.models.BigAutoField"
