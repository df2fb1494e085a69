from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("errors", "0006_spans")]

    operations = [
        migrations.AddField(
            model_name="errorrollup",
            name="removed",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
