from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("triage", "0004_splits"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                condition=models.Q(("diagnosed_at__isnull", False)),
                fields=["diagnosed_at"],
                name="triage_incident_diagnosed",
            ),
        ),
        migrations.AddIndex(
            model_name="timelineentry",
            index=models.Index(fields=["kind", "at"], name="triage_timeline_kind"),
        ),
    ]
