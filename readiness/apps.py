"""Django's entry for the shell: settings, URLs, middleware, the console's own commands."""

from django.apps import AppConfig


class ReadinessConfig(AppConfig):
    name = "readiness"
    label = "readiness"

    def ready(self) -> None:
        # The checks are registered once the apps are loaded; a task sent from anywhere needs the Celery application.
        from readiness import celery, checks  # noqa: F401
