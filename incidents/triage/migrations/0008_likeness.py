from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("triage", "0007_life")]

    operations = [
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["project_id", "error_class", "-id"], name="triage_incident_class"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["project_id", "component", "-id"], name="triage_incident_component"),
        ),
        migrations.AddIndex(
            model_name="incidentrelease",
            index=models.Index(fields=["project_id", "first_seen"], name="triage_release_born"),
        ),
    ]
