"""The first pair to reconcile (235), and the promise that what has run stays told."""

from django.db import migrations

from readiness.infra.append_only import AppendOnly

FIRST = {
    "title": "Error figures",
    "source": "Captured errors (infra_error_events)",
    "destination": "Hourly figures (infra_error_rollups)",
}


def seed(apps, schema_editor):
    apps.get_model("operations", "Reconciliation").objects.get_or_create(key="error-rollups", defaults=FIRST)


def unseed(apps, schema_editor):
    """A pair without runs goes; one with runs stays, and is found again when this is applied again."""
    apps.get_model("operations", "Reconciliation").objects.filter(key="error-rollups", runs=None).delete()


class Migration(migrations.Migration):
    dependencies = [("operations", "0001_initial"), ("infra", "0001_initial")]
    operations = [
        migrations.RunPython(seed, unseed),
        AppendOnly("operations_job_run", age="finished_at"),
        AppendOnly("operations_reconciliation_run"),
    ]
