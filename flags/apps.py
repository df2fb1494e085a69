"""Django's entry for the subject `flags`."""

from django.apps import AppConfig


class FlagsConfig(AppConfig):
    name = "flags"
    label = "flags"
    default_auto_field = "django.db.models.BigAutoField"
