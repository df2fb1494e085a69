from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("infra", "0002_correlation"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="outboxmessage",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", False)), fields=["dead_at"], name="infra_outbox_dead"
            ),
        ),
    ]
