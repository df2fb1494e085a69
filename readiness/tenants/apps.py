"""Django's entry for the subject `tenants`."""

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "readiness.tenants"
    label = "tenants"
    default_auto_field = "django.db.models.BigAutoField"
