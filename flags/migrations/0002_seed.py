"""The flags that every client knows (requirements 205-207), and the promise that history only grows.

The seed comes before the triggers, so that unapplying takes the triggers away first and may then unseed. Unapplying
leaves what a person has changed since, and applying again leaves it too.
"""

from datetime import UTC, datetime

from django.db import migrations

from readiness.infra.append_only import AppendOnly

SEED = [
    {
        "key": "syncEnabled",
        "type": "boolean",
        "value": True,
        "safe_value": False,
        "description": "Clients sync in the background. Off: they schedule none, and no redeploy is needed.",
    },
    {
        "key": "minIntervalSec",
        "type": "integer",
        "value": 900,
        "minimum": 1,
        "maximum": 86_400,
        "description": "Seconds that a client waits at least between two background syncs.",
    },
    {
        "key": "retryCap",
        "type": "integer",
        "value": 3,
        "minimum": 0,
        "maximum": 100,
        "description": "How often a client tries a failed sync again before it gives up until the next one.",
    },
]
BY = "the console"
WHERE = {"project_id": 0, "environment": "production"}


def seed(apps, schema_editor):
    Flag, FlagRevision = apps.get_model("flags", "Flag"), apps.get_model("flags", "FlagRevision")
    at = datetime.now(UTC)
    apps.get_model("flags", "FlagCounter").objects.get_or_create(**WHERE, defaults={"revision": 1})
    for fields in SEED:
        defaults = {**fields, "visibility": "public", "version": 1, "changed_at": at, "changed_by": BY}
        flag, made = Flag.objects.get_or_create(**WHERE, key=defaults.pop("key"), defaults=defaults)
        if made:
            FlagRevision.objects.create(
                **WHERE,
                flag=flag,
                key=flag.key,
                version=1,
                action="defined",
                before={},
                after={"value": flag.value},
                reason="Installed with the console",
                actor_kind="system",
                actor_name=BY,
                at=at,
            )


def unseed(apps, schema_editor):
    Flag, FlagRevision = apps.get_model("flags", "Flag"), apps.get_model("flags", "FlagRevision")
    for fields in SEED:
        if Flag.objects.filter(**WHERE, key=fields["key"], version=1, changed_by=BY).delete()[0]:
            FlagRevision.objects.filter(**WHERE, key=fields["key"]).delete()


class Migration(migrations.Migration):
    dependencies = [("flags", "0001_initial"), ("infra", "0001_initial")]
    operations = [
        migrations.RunPython(seed, unseed),
        AppendOnly("flags_revision"),
    ]
