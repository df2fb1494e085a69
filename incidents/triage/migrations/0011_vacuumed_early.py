"""Incidents are counted from indexes alone, which works while the visibility map is fresh, and each event updates its
incident: autovacuum's usual fifth of the table is far too late for it.
"""

from django.db import migrations

from readiness.infra.vendor_sql import VendorSQL

_SETTINGS = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.05"
_NAMES = "autovacuum_vacuum_scale_factor, autovacuum_analyze_scale_factor"


class Migration(migrations.Migration):
    dependencies = [
        ("triage", "0010_waiting"),
    ]

    operations = [
        VendorSQL(
            name="Vacuum triage_incident early",
            forwards={"postgresql": [f"ALTER TABLE triage_incident SET ({_SETTINGS})"], "sqlite": []},
            backwards={"postgresql": [f"ALTER TABLE triage_incident RESET ({_NAMES})"], "sqlite": []},
        ),
    ]
