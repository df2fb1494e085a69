from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("programs", "0003_control_criterion"),
    ]

    operations = [
        migrations.AddField(
            model_name="criterion",
            name="computed",
            field=models.CharField(blank=True, db_default="", default="", max_length=24),
        ),
        migrations.AddField(
            model_name="program",
            name="frozen",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="program",
            name="non_focus",
            field=models.JSONField(blank=True, default=list),
        ),
    ]
