"""What there was to tell. Append-only: what has been told stays told."""

from django.db import migrations, models

from readiness.infra.append_only import AppendOnly


class Migration(migrations.Migration):
    initial = True

    dependencies = [("infra", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("key", models.CharField(max_length=200)),
                ("kind", models.CharField(max_length=40)),
                ("title", models.CharField(max_length=200)),
                ("text", models.CharField(blank=True, max_length=2000)),
                ("priority", models.CharField(blank=True, max_length=2)),
                ("page", models.CharField(blank=True, max_length=300)),
                ("facts", models.JSONField(blank=True, default=dict)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "notifications_notice",
                "indexes": [models.Index(fields=["-at"], name="notifications_notice_recent")],
                "constraints": [
                    models.UniqueConstraint(fields=("project_id", "key"), name="notifications_notice_once")
                ],
            },
        ),
        AppendOnly("notifications_notice", age="at"),
    ]
