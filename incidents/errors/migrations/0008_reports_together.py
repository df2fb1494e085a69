from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("errors", "0007_removed")]

    operations = [
        migrations.AddIndex(
            model_name="userreport",
            index=models.Index(
                condition=models.Q(("correlation_id", ""), _negated=True),
                fields=["correlation_id", "created_at"],
                name="infra_user_report_together",
            ),
        ),
    ]
