"""Django's entry for the subject `programs`."""

from django.apps import AppConfig


class ProgramsConfig(AppConfig):
    name = "readiness.programs"
    label = "programs"
    default_auto_field = "django.db.models.BigAutoField"
