"""Who was told of a limit, and when, is kept by the notices (readiness.notifications)."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("errors", "0009_erasure"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="limitnotice",
            name="announced_at",
        ),
    ]
