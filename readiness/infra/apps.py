"""Django's entry for the floor; every connection gets the transaction guard, every migrate its triggers."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate

from readiness.infra.timestamps import install_timestamps
from readiness.infra.transactions import install_guard


class InfraConfig(AppConfig):
    name = "readiness.infra"
    label = "infra"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from readiness.infra.append_only import reinstall_triggers  # its models need the loaded apps

        connection_created.connect(install_guard, dispatch_uid="readiness.infra.install_guard")
        connection_created.connect(install_timestamps, dispatch_uid="readiness.infra.install_timestamps")
        post_migrate.connect(reinstall_triggers, sender=self, dispatch_uid="readiness.infra.reinstall_triggers")
