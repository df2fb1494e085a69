"""The playbook: its sections, the edits proposed to them, and every version that there ever was (append-only).

There is one playbook for the whole installation, so `project_id` is 0 everywhere: the team's memory is not a tenant's.
"""

from django.db import models

from incidents.lessons.models.controls import Control
from incidents.lessons.services.playbook import BookVersion, ProposalState, scope_text


class Playbook(models.Model):
    """The one row that says which version the playbook is at; accepting an edit locks it."""

    project_id = models.BigIntegerField(default=0)
    ordinal = models.PositiveIntegerField(default=0)
    major = models.PositiveIntegerField(default=0)
    minor = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "lessons_playbook"

    def __str__(self) -> str:
        return str(self.version)

    @property
    def version(self) -> BookVersion:
        return BookVersion(self.major, self.minor)


class PlaybookSection(models.Model):
    """A section as it stands: what to check first and what never to do again in one incident class (57-59).

    `grown_from` is what it grew from: `INC-12`, `CTL-7`, `LES-3`.
    """

    project_id = models.BigIntegerField(default=0)
    number = models.PositiveIntegerField(unique=True)
    error_class = models.CharField(max_length=64)
    component = models.CharField(max_length=200, blank=True)
    title = models.CharField(max_length=200)
    check_first = models.JSONField(default=list, blank=True)
    never_again = models.JSONField(default=list, blank=True)
    grown_from = models.JSONField(default=list, blank=True)
    version = models.PositiveIntegerField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "lessons_playbook_section"
        ordering = ["number"]
        constraints = [
            # sections_of_class(): one for each class, or class in a component
            models.UniqueConstraint(fields=["error_class", "component"], name="lessons_playbook_scope_once"),
            models.CheckConstraint(condition=~models.Q(title=""), name="lessons_playbook_section_titled"),
        ]

    def __str__(self) -> str:
        return f"Playbook {self.number}"

    @property
    def scope(self) -> str:
        return scope_text(self.error_class, self.component)


class PlaybookProposal(models.Model):
    """An edit that waits for a second pair of eyes, or waited. Its text never changes: a mended or rebased one is a new
    row that `replaces` it. `base_version`: the section's when it was written, 0 for a new section.
    """

    class State(models.TextChoices):
        PROPOSED = ProposalState.PROPOSED.value, "Proposed"
        ACCEPTED = ProposalState.ACCEPTED.value, "Accepted"
        DECLINED = ProposalState.DECLINED.value, "Declined"
        WITHDRAWN = ProposalState.WITHDRAWN.value, "Withdrawn"
        REPLACED = ProposalState.REPLACED.value, "Replaced"

    project_id = models.BigIntegerField(default=0)
    section = models.ForeignKey(
        PlaybookSection, on_delete=models.PROTECT, null=True, blank=True, related_name="proposals"
    )
    error_class = models.CharField(max_length=64)
    component = models.CharField(max_length=200, blank=True)
    number = models.PositiveIntegerField(null=True, blank=True)
    base_version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    check_first = models.JSONField(default=list, blank=True)
    never_again = models.JSONField(default=list, blank=True)
    grown_from = models.JSONField(default=list, blank=True)
    why = models.CharField(max_length=200)
    evolved = models.CharField(max_length=20, choices=Control.Evolution, blank=True)
    root_cause = models.TextField(blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    files_changed = models.JSONField(default=list, blank=True)
    author = models.CharField(max_length=254)
    author_id = models.BigIntegerField(null=True, blank=True)
    proposed_at = models.DateTimeField()
    replaces = models.OneToOneField("self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by")

    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    decided_by = models.CharField(max_length=254, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_note = models.CharField(max_length=1000, blank=True)
    self_reviewed = models.BooleanField(default=False)

    class Meta:
        db_table = "lessons_playbook_proposal"
        ordering = ["-id"]
        indexes = [
            # proposals_listed(): the open ones, and all, newest first
            models.Index(fields=["state", "-id"], name="lessons_playbook_open"),
        ]

    def __str__(self) -> str:
        return f"Proposal {self.pk}"

    @property
    def scope(self) -> str:
        return scope_text(self.error_class, self.component)


class PlaybookVersion(models.Model):
    """Append-only: one version of the playbook, which is one update entry (190, 191): an accepted edit, or a founder's
    raising of the version (no section then).
    """

    project_id = models.BigIntegerField(default=0)
    ordinal = models.PositiveIntegerField(unique=True)
    major = models.PositiveIntegerField()
    minor = models.PositiveIntegerField()
    at = models.DateTimeField()
    section = models.ForeignKey(PlaybookSection, on_delete=models.PROTECT, null=True, related_name="updates")
    section_version = models.PositiveIntegerField(null=True)
    proposal = models.OneToOneField(PlaybookProposal, on_delete=models.PROTECT, null=True, related_name="accepted_as")
    why = models.CharField(max_length=200)
    evolved = models.CharField(max_length=20, choices=Control.Evolution, blank=True)
    root_cause = models.TextField(blank=True)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    files_changed = models.JSONField(default=list)
    author = models.CharField(max_length=254)
    reviewer = models.CharField(max_length=254)
    self_reviewed = models.BooleanField(default=False)

    class Meta:
        db_table = "lessons_playbook_version"
        ordering = ["-ordinal"]
        constraints = [models.UniqueConstraint(fields=["major", "minor"], name="lessons_playbook_version_once")]

    def __str__(self) -> str:
        return str(self.version)

    @property
    def version(self) -> BookVersion:
        return BookVersion(self.major, self.minor)


class PlaybookSectionVersion(models.Model):
    """Append-only: what a section said in one of its versions, and in which version of the playbook it came."""

    project_id = models.BigIntegerField(default=0)
    section = models.ForeignKey(PlaybookSection, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    book = models.OneToOneField(PlaybookVersion, on_delete=models.PROTECT, related_name="section_text")
    title = models.CharField(max_length=200)
    check_first = models.JSONField(default=list)
    never_again = models.JSONField(default=list)
    grown_from = models.JSONField(default=list)

    class Meta:
        db_table = "lessons_playbook_section_version"
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["section", "version"], name="lessons_playbook_text_once")]

    def __str__(self) -> str:
        return f"Playbook section {self.section_id}, version {self.version}"

    @property
    def before(self) -> int:
        """The version before it, 0 for the first."""
        return self.version - 1
