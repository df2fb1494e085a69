"""What did not arrive is counted by an index."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0002_channels"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("digest__isnull", True), ("state", "dead")),
                fields=["created_at"],
                name="notifications_delivery_dead",
            ),
        ),
    ]
