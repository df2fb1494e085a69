"""Django's entry for the subject `notifications`."""

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "readiness.notifications"
    label = "notifications"
    default_auto_field = "django.db.models.BigAutoField"
