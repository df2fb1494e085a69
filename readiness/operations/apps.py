"""Django's entry for the subject `operations`."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "readiness.operations"
    label = "operations"
    default_auto_field = "django.db.models.BigAutoField"
