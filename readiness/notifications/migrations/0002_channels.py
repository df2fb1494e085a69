"""By which ways people are told, who hears of what, and what became of each delivery; at first, founders by mail."""

from datetime import UTC, datetime

import django.db.models.deletion
from django.db import migrations, models


def seed(apps, schema_editor):
    """Without anybody's doing anything, founders get the usual kinds by mail, as soon as EMAIL_URL names a server."""
    now = datetime.now(UTC)
    by = {"created_at": now, "created_by": "the console"}
    fields = {"kind": "email", "target": "founders", **by}
    channel, new = apps.get_model("notifications", "Channel").objects.get_or_create(name="Founders", defaults=fields)
    if new:
        apps.get_model("notifications", "Rule").objects.create(channel=channel, **by)


def unseed(apps, schema_editor):
    """The tables go with the step before."""


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("name", models.CharField(max_length=80, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("slack", "Slack-compatible webhook"),
                            ("webhook", "Standard Webhook, signed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("target", models.CharField(max_length=2000)),
                ("salt", models.CharField(blank=True, max_length=64)),
                ("former_salt", models.CharField(blank=True, max_length=64)),
                ("former_until", models.DateTimeField(null=True)),
                ("enabled", models.BooleanField(default=True)),
                ("off_because", models.CharField(blank=True, max_length=200)),
                (
                    "failures",
                    models.PositiveIntegerField(
                        default=0, help_text="In a row; from three on the channel rests in between."
                    ),
                ),
                ("rest_until", models.DateTimeField(null=True)),
                ("last_ok_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=254)),
            ],
            options={
                "db_table": "notifications_channel",
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Rule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("kinds", models.JSONField(blank=True, default=list)),
                ("minimum_priority", models.CharField(blank=True, max_length=2)),
                ("projects", models.JSONField(blank=True, default=list)),
                ("muted_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField()),
                ("created_by", models.CharField(max_length=254)),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="rules", to="notifications.channel"
                    ),
                ),
            ],
            options={
                "db_table": "notifications_rule",
                "ordering": ["channel__name", "pk"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("minute", models.DateTimeField(null=True)),
                ("message_id", models.CharField(max_length=40, unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("delivered", "Delivered"), ("dead", "Given up")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("last_status", models.PositiveSmallIntegerField(null=True)),
                ("last_error", models.CharField(blank=True, max_length=300)),
                ("next_at", models.DateTimeField(null=True)),
                ("sending_until", models.DateTimeField(null=True)),
                ("first_result_at", models.DateTimeField(null=True)),
                ("delivered_at", models.DateTimeField(null=True)),
                ("outbox_id", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField()),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="notifications.channel",
                    ),
                ),
                (
                    "digest",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="members",
                        to="notifications.delivery",
                    ),
                ),
                (
                    "notice",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="notifications.notice",
                    ),
                ),
            ],
            options={
                "db_table": "notifications_delivery",
                "indexes": [
                    models.Index(fields=["-created_at"], name="notifications_delivery_recent"),
                    models.Index(fields=["channel", "-created_at"], name="notifications_delivery_channel"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("notice", "channel"), name="notifications_delivery_once"),
                    models.UniqueConstraint(fields=("channel", "minute"), name="notifications_digest_once"),
                ],
            },
        ),
        migrations.RunPython(seed, unseed),
    ]
