from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("errors", "0008_reports_together"),
    ]

    operations = [
        migrations.CreateModel(
            name="ErasedEvent",
            fields=[
                ("error_id", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("project_id", models.BigIntegerField()),
                ("of_person", models.BooleanField()),
                ("erased_at", models.DateTimeField()),
                ("actor", models.CharField(max_length=254)),
                ("reason", models.CharField(max_length=500)),
            ],
            options={
                "verbose_name": "erased error",
                "db_table": "infra_error_tombstones",
                "managed": False,
            },
        ),
        migrations.RemoveIndex(
            model_name="kepterror",
            name="infra_error_kept_incident",
        ),
        migrations.RemoveField(
            model_name="erasuretombstone",
            name="incident_id",
        ),
        migrations.AddField(
            model_name="erasuretombstone",
            name="fingerprint",
            field=models.CharField(db_default="", default="", max_length=32),
        ),
        migrations.AddField(
            model_name="erasuretombstone",
            name="of_person",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name="erasuretombstone",
            index=models.Index(fields=["project_id", "fingerprint"], name="infra_error_tombstones_group"),
        ),
        migrations.AddIndex(
            model_name="kepterror",
            index=models.Index(fields=["project_id", "fingerprint", "timestamp"], name="infra_error_kept_group"),
        ),
    ]
