"""Django's entry for the subject `lessons`."""

from django.apps import AppConfig


class LessonsConfig(AppConfig):
    name = "incidents.lessons"
    label = "lessons"
    default_auto_field = "django.db.models.BigAutoField"
