"""The errors of one correlation come in order of time off the index, so that the first of very many cost no sorting."""

from django.db import migrations

from readiness.infra.vendor_sql import VendorSQL


def _index(columns: str) -> dict[str, list[str]]:
    statements = [
        "DROP INDEX infra_error_events_correlation",
        f"CREATE INDEX infra_error_events_correlation ON infra_error_events ({columns}) WHERE correlation_id IS NOT NULL",
    ]
    return {"sqlite": statements, "postgresql": statements}


class Migration(migrations.Migration):
    dependencies = [("errors", "0004_limits")]

    operations = [
        VendorSQL(
            forwards=_index("correlation_id, timestamp"),
            backwards=_index("correlation_id"),
            name="Order the errors of a correlation by time",
        ),
    ]
