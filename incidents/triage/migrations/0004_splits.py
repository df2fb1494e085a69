import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("triage", "0003_grouping"),
    ]

    operations = [
        migrations.CreateModel(
            name="IncidentSplit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("actor", models.CharField(max_length=254)),
                ("moved", models.JSONField(default=list)),
                (
                    "new",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="split_off", to="triage.incident"
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="splits_given", to="triage.incident"
                    ),
                ),
            ],
            options={
                "db_table": "triage_incident_split",
                "indexes": [models.Index(fields=["parent", "-at"], name="triage_split_parent")],
            },
        ),
    ]
