from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("lessons", "0006_playbook")]

    operations = [
        migrations.AddField(
            model_name="control",
            name="overdue_told",
            field=models.DateField(
                blank=True, help_text="The due day of which was told that it passed unproven.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="control",
            index=models.Index(
                condition=models.Q(("due_on__isnull", False), ("state__in", ("unproven", "failing_before"))),
                fields=["due_on"],
                name="lessons_control_awaited",
            ),
        ),
    ]
