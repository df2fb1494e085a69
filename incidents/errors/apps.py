"""Django's entry for the subject `errors`."""

from django.apps import AppConfig


class ErrorsConfig(AppConfig):
    name = "incidents.errors"
    label = "errors"
    default_auto_field = "django.db.models.BigAutoField"
