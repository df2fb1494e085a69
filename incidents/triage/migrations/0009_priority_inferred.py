from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("triage", "0008_likeness")]

    operations = [
        migrations.AddField(
            model_name="incident",
            name="priority_inferred",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Proposed from another incident, not from its own errors: it waits for a person.",
            ),
        ),
    ]
