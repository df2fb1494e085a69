import django.db.models.deletion
from django.db import migrations, models

from readiness.infra.append_only import AppendOnly


class Migration(migrations.Migration):
    dependencies = [
        ("lessons", "0005_control_due"),
    ]

    operations = [
        migrations.CreateModel(
            name="Playbook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("ordinal", models.PositiveIntegerField(default=0)),
                ("major", models.PositiveIntegerField(default=0)),
                ("minor", models.PositiveIntegerField(default=0)),
            ],
            options={
                "db_table": "lessons_playbook",
            },
        ),
        migrations.CreateModel(
            name="PlaybookSection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("number", models.PositiveIntegerField(unique=True)),
                ("error_class", models.CharField(max_length=64)),
                ("component", models.CharField(blank=True, max_length=200)),
                ("title", models.CharField(max_length=200)),
                ("check_first", models.JSONField(blank=True, default=list)),
                ("never_again", models.JSONField(blank=True, default=list)),
                ("grown_from", models.JSONField(blank=True, default=list)),
                ("version", models.PositiveIntegerField()),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "db_table": "lessons_playbook_section",
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(fields=("error_class", "component"), name="lessons_playbook_scope_once"),
                    models.CheckConstraint(
                        condition=models.Q(("title", ""), _negated=True), name="lessons_playbook_section_titled"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="PlaybookProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("error_class", models.CharField(max_length=64)),
                ("component", models.CharField(blank=True, max_length=200)),
                ("number", models.PositiveIntegerField(blank=True, null=True)),
                ("base_version", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("check_first", models.JSONField(blank=True, default=list)),
                ("never_again", models.JSONField(blank=True, default=list)),
                ("grown_from", models.JSONField(blank=True, default=list)),
                ("why", models.CharField(max_length=200)),
                (
                    "evolved",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("new_primitive", "A new primitive"),
                            ("stricter_intent", "A stricter intent"),
                            ("new_ci_invariant", "A new CI invariant"),
                        ],
                        max_length=20,
                    ),
                ),
                ("root_cause", models.TextField(blank=True)),
                ("before", models.TextField(blank=True)),
                ("after", models.TextField(blank=True)),
                ("files_changed", models.JSONField(blank=True, default=list)),
                ("author", models.CharField(max_length=254)),
                ("author_id", models.BigIntegerField(blank=True, null=True)),
                ("proposed_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("proposed", "Proposed"),
                            ("accepted", "Accepted"),
                            ("declined", "Declined"),
                            ("withdrawn", "Withdrawn"),
                            ("replaced", "Replaced"),
                        ],
                        default="proposed",
                        max_length=10,
                    ),
                ),
                ("decided_by", models.CharField(blank=True, max_length=254)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision_note", models.CharField(blank=True, max_length=1000)),
                ("self_reviewed", models.BooleanField(default=False)),
                (
                    "replaces",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="replaced_by",
                        to="lessons.playbookproposal",
                    ),
                ),
                (
                    "section",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="lessons.playbooksection",
                    ),
                ),
            ],
            options={
                "db_table": "lessons_playbook_proposal",
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="PlaybookVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("ordinal", models.PositiveIntegerField(unique=True)),
                ("major", models.PositiveIntegerField()),
                ("minor", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("section_version", models.PositiveIntegerField(null=True)),
                ("why", models.CharField(max_length=200)),
                (
                    "evolved",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("new_primitive", "A new primitive"),
                            ("stricter_intent", "A stricter intent"),
                            ("new_ci_invariant", "A new CI invariant"),
                        ],
                        max_length=20,
                    ),
                ),
                ("root_cause", models.TextField(blank=True)),
                ("before", models.TextField(blank=True)),
                ("after", models.TextField(blank=True)),
                ("files_changed", models.JSONField(default=list)),
                ("author", models.CharField(max_length=254)),
                ("reviewer", models.CharField(max_length=254)),
                ("self_reviewed", models.BooleanField(default=False)),
                (
                    "proposal",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accepted_as",
                        to="lessons.playbookproposal",
                    ),
                ),
                (
                    "section",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="updates",
                        to="lessons.playbooksection",
                    ),
                ),
            ],
            options={
                "db_table": "lessons_playbook_version",
                "ordering": ["-ordinal"],
            },
        ),
        migrations.CreateModel(
            name="PlaybookSectionVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("project_id", models.BigIntegerField(default=0)),
                ("version", models.PositiveIntegerField()),
                ("title", models.CharField(max_length=200)),
                ("check_first", models.JSONField(default=list)),
                ("never_again", models.JSONField(default=list)),
                ("grown_from", models.JSONField(default=list)),
                (
                    "section",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="lessons.playbooksection",
                    ),
                ),
                (
                    "book",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="section_text",
                        to="lessons.playbookversion",
                    ),
                ),
            ],
            options={
                "db_table": "lessons_playbook_section_version",
                "ordering": ["-version"],
            },
        ),
        migrations.AddIndex(
            model_name="playbookproposal",
            index=models.Index(fields=["state", "-id"], name="lessons_playbook_open"),
        ),
        migrations.AddConstraint(
            model_name="playbookversion",
            constraint=models.UniqueConstraint(fields=("major", "minor"), name="lessons_playbook_version_once"),
        ),
        migrations.AddConstraint(
            model_name="playbooksectionversion",
            constraint=models.UniqueConstraint(fields=("section", "version"), name="lessons_playbook_text_once"),
        ),
        AppendOnly("lessons_playbook_version"),
        AppendOnly("lessons_playbook_section_version"),
    ]
