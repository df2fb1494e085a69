"""Tables of programs: the definition as imported, the evidence and the words that rest on it, the recorded verdicts.

The definition (program, gates, criteria, rubric) is replaced by each import of its file. Evidence, attestations, scores
and verdicts are append-only: the newest word on a criterion or a category decides, and the older ones stay.
"""

from typing import Any

from django.db import models
from django.db.models import Q

from readiness.programs.services.evidence import evidence_ref


class Program(models.Model):
    """A program as its file defines it. project_id 0: the installation's own, which is no tenant's.

    `as_of` is set while the program is pinned to the date of the document whose attestations were loaded; `recorded`
    holds that document's own words (what changed, SLO classes, states of prerequisites). `uplift`, `reviews`,
    `prerequisites`, `non_focus` and `frozen` are in the shape of the file.
    """

    class Kind(models.TextChoices):
        GO = "go", "GO or NO-GO"
        PILOT = "pilot", "PROCEED, EXTEND or CANCEL"

    project_id = models.BigIntegerField(default=0)
    slug = models.SlugField(max_length=63, unique=True)
    kind = models.CharField(max_length=5, choices=Kind)
    title = models.CharField(max_length=200)
    subtitle = models.CharField(max_length=200, blank=True)
    target = models.CharField(max_length=200, blank=True)
    owner = models.CharField(max_length=200, blank=True)
    threshold = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    evidence_max_age_days = models.PositiveIntegerField()
    uplift = models.JSONField(default=list)
    reviews = models.JSONField(default=list)
    prerequisites = models.JSONField(default=list)
    non_focus = models.JSONField(default=list, blank=True)
    frozen = models.JSONField(null=True, blank=True)
    as_of = models.DateField(null=True, blank=True)
    recorded = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ["created_at", "pk"]

    def __str__(self) -> str:
        return self.title

    @property
    def frozen_now(self) -> dict[str, Any] | None:
        """Why it is frozen: by its file, or by the document whose date it is pinned to; in the shape of the file."""
        by_document = self.recorded.get("frozen") if self.as_of else None
        found: dict[str, Any] | None = self.frozen or by_document
        return found


class Gate(models.Model):
    """A gate of a program. `retired`: the file no longer has it, its attestations stay readable."""

    project_id = models.BigIntegerField(default=0)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="gates")
    key = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    position = models.PositiveSmallIntegerField()
    required = models.BooleanField(default=True)
    waits_for = models.JSONField(default=list, blank=True)
    retired = models.BooleanField(default=False)

    class Meta:
        ordering = ["program", "position"]
        constraints = [models.UniqueConstraint(fields=["program", "key"], name="programs_gate_once")]

    def __str__(self) -> str:
        return f"{self.key} {self.title}"


class Criterion(models.Model):
    """One thing that a gate asks for; judged by a value when it has a comparator, by the lessons' controls when it has
    `controls` (which of them count, in the shape of the file), else by attestation or outcome.
    """

    project_id = models.BigIntegerField(default=0)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="criteria")
    gate = models.ForeignKey(Gate, on_delete=models.PROTECT, related_name="criteria")
    key = models.CharField(max_length=40)
    text = models.CharField(max_length=1000)
    unmet = models.CharField(max_length=200, blank=True)
    next_step = models.CharField(max_length=200, blank=True)
    comparator = models.CharField(max_length=10, blank=True)
    threshold = models.DecimalField(max_digits=21, decimal_places=6, null=True, blank=True)
    unit = models.CharField(max_length=20, blank=True)
    aggregation = models.CharField(max_length=40, blank=True)
    max_age_days = models.PositiveIntegerField(null=True, blank=True)
    controls = models.JSONField(null=True, blank=True)
    computed = models.CharField(max_length=24, blank=True, default="", db_default="")
    position = models.PositiveSmallIntegerField()
    retired = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "criteria"
        ordering = ["program", "gate__position", "position"]
        constraints = [
            models.UniqueConstraint(fields=["program", "key"], name="programs_criterion_once"),
            models.CheckConstraint(
                condition=Q(comparator="", threshold__isnull=True) | ~Q(comparator="") & Q(threshold__isnull=False),
                name="programs_criterion_measured",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} {self.text}"


class RubricCategory(models.Model):
    """One line of a program's rubric; the weights of a program's categories sum to 100 (checked on import)."""

    project_id = models.BigIntegerField(default=0)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="categories")
    key = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    weight = models.PositiveSmallIntegerField()
    position = models.PositiveSmallIntegerField()
    retired = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "rubric categories"
        ordering = ["program", "position"]
        constraints = [
            models.UniqueConstraint(fields=["program", "key"], name="programs_category_once"),
            models.CheckConstraint(condition=Q(weight__gte=1, weight__lte=100), name="programs_category_weight"),
        ]

    def __str__(self) -> str:
        return self.title


class ActorColumns(models.Model):
    """Who did it, as every append-only row of programs records it."""

    actor_kind = models.CharField(max_length=10)
    actor_name = models.CharField(max_length=200)
    actor_id = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class Evidence(ActorColumns):
    """Append-only: one piece of evidence, shown as `EV-31`. `sha256` is over the bytes that came in.

    `source` says how it came: typed by a person, sent by a key, or loaded from a program's document.
    """

    class Source(models.TextChoices):
        PERSON = "person", "A person"
        KEY = "key", "A machine"
        DOCUMENT = "document", "The program's document"

    project_id = models.BigIntegerField(default=0)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="evidence", null=True)
    source = models.CharField(max_length=8, choices=Source)
    ref = models.CharField(max_length=40, blank=True)
    kind = models.CharField(max_length=63)
    title = models.CharField(max_length=200)
    url = models.CharField(max_length=500, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    outcome = models.CharField(max_length=8, blank=True)
    value = models.DecimalField(max_digits=21, decimal_places=6, null=True)
    unit = models.CharField(max_length=20, blank=True)
    commit = models.CharField(max_length=64, blank=True)
    sha256 = models.CharField(max_length=64)
    collected_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True)
    received_at = models.DateTimeField()
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace

    class Meta:
        verbose_name_plural = "evidence"
        ordering = ["-pk"]
        indexes = [
            # evidence_repeated(): a retry of the same bytes
            models.Index(fields=["project_id", "sha256"], name="programs_evidence_sha256"),
            # evidence_recent(): the choices of the forms, and the newest of a kind for a pilot
            models.Index(fields=["program", "-id"], name="programs_evidence_recent"),
            # evidence_correlated(): what one trace did
            models.Index(
                fields=["correlation_id", "received_at"],
                name="programs_evidence_trace",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """`EV-31`."""
        return evidence_ref(self.pk)


class Attestation(ActorColumns):
    """Append-only: a word on one criterion, resting on exactly the evidence that it names. The newest decides."""

    project_id = models.BigIntegerField(default=0)
    criterion = models.ForeignKey(Criterion, on_delete=models.PROTECT, related_name="attestations")
    claim = models.CharField(max_length=8)
    note = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()
    from_document = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["criterion", "-id"], name="programs_attestation_newest")
        ]  # newest per criterion


class AttestationEvidence(models.Model):
    """Which evidence an attestation names."""

    project_id = models.BigIntegerField(default=0)
    attestation = models.ForeignKey(Attestation, on_delete=models.PROTECT, related_name="links")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["attestation", "evidence"], name="programs_attestation_evidence_once")
        ]


class ScoreChange(ActorColumns):
    """Append-only: a category's score from then on, and who set it. The newest counts, with the evidence it names."""

    project_id = models.BigIntegerField(default=0)
    category = models.ForeignKey(RubricCategory, on_delete=models.PROTECT, related_name="scores")
    score = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()
    from_document = models.BooleanField(default=False)

    class Meta:
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=Q(score__lte=4), name="programs_score_range")]
        indexes = [models.Index(fields=["category", "-id"], name="programs_score_newest")]  # newest per category


class ScoreEvidence(models.Model):
    """Which evidence a score names."""

    project_id = models.BigIntegerField(default=0)
    change = models.ForeignKey(ScoreChange, on_delete=models.PROTECT, related_name="links")
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["change", "evidence"], name="programs_score_evidence_once")]


class Verdict(models.Model):
    """Append-only and hash-chained: a verdict as it was computed. `digest` covers the salted body, `link` the entry and
    the link before it (readiness.programs.services.chain). `state` is a hash over what the verdict turns on, so that an
    unchanged one is recorded once a day and no more.
    """

    project_id = models.BigIntegerField(default=0)
    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="verdicts")
    sequence = models.PositiveIntegerField()
    verdict = models.CharField(max_length=8)
    score = models.DecimalField(max_digits=5, decimal_places=2, null=True)
    blockers = models.PositiveSmallIntegerField()
    evaluated_at = models.DateTimeField()
    as_of = models.DateField(null=True)
    cause = models.CharField(max_length=200)
    actor_name = models.CharField(max_length=200)
    state = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    link = models.CharField(max_length=64)
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace

    class Meta:
        ordering = ["program", "-sequence"]
        # Also serves the history, newest first, and the end of the chain.
        constraints = [models.UniqueConstraint(fields=["program", "sequence"], name="programs_verdict_once")]
        indexes = [
            # verdicts_correlated(): what one trace did
            models.Index(
                fields=["correlation_id", "evaluated_at"],
                name="programs_verdict_trace",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} #{self.sequence}"


class VerdictBody(models.Model):
    """Append-only: what a recorded verdict said, whole, with the salt of its digest. Its erasure leaves the chain."""

    project_id = models.BigIntegerField(default=0)
    verdict = models.OneToOneField(Verdict, on_delete=models.PROTECT, related_name="recorded_body")
    salt = models.CharField(max_length=32)
    body = models.TextField()
