from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lessons", "0003_prevention")]

    operations = [
        migrations.AddField(
            model_name="rootcause",
            name="evidence_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
    ]
