"""Django's entry for the shell: settings, URLs, middleware, the console's own commands."""

from django.apps import AppConfig


class ReadinessConfig(AppConfig):
    name = "readiness"
    label = "readiness"

    def ready(self) -> None:
        from readiness import checks  # noqa: F401  registers the system checks once the apps are loaded
