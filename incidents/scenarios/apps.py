"""Django's entry for the subject `scenarios`."""

from django.apps import AppConfig


class ScenariosConfig(AppConfig):
    name = "incidents.scenarios"
    label = "scenarios"
    default_auto_field = "django.db.models.BigAutoField"
