"""A mute says who set it and why; a secret that is replaced twice within a day still signs with the first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0003_given_up"),
    ]

    operations = [
        migrations.AlterModelOptions(name="delivery", options={"verbose_name_plural": "deliveries"}),
        migrations.AddField(
            model_name="rule",
            name="muted_because",
            field=models.CharField(blank=True, default="", max_length=200),
        ),
        migrations.AddField(
            model_name="rule",
            name="muted_by",
            field=models.CharField(blank=True, default="", max_length=254),
        ),
        migrations.AlterField(
            model_name="channel",
            name="former_salt",
            field=models.CharField(blank=True, max_length=200),
        ),
    ]
