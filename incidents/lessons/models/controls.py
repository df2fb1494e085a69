"""Controls, their versions, their runs and what refuted them. What was received never changes."""

from django.db import models

from incidents.lessons.services.control_history import Outcome, RunEffect
from incidents.lessons.services.control_state import AWAITED, ControlKind, ControlState
from incidents.lessons.services.prevention import Evolution, RuleKind
from incidents.triage.models import Incident


class Control(models.Model):
    """What keeps an incident from happening again. Shown as `CTL-<pk>`.

    `state` and what follows it are what the runs have come to (services.control_state); only workflows write them.
    `check_first` and `never_again` are a playbook entry's two answers (requirements 58, 59); `rule_kind` and
    `rule_reference` say which rule a rule is. `symptom_fix`, `prevention_primitive` and `evolution` make it the
    self-defending record of requirement 173: root cause → symptom fix → prevention primitive → CI check (189).
    """

    class Kind(models.TextChoices):
        CHECK = ControlKind.CHECK.value, "Check"
        RULE = ControlKind.RULE.value, "Rule"
        PLAYBOOK = ControlKind.PLAYBOOK.value, "Playbook entry"

    class State(models.TextChoices):
        UNPROVEN = ControlState.UNPROVEN.value, "Unproven"
        FAILING_BEFORE = ControlState.FAILING_BEFORE.value, "Failing before"
        PROVEN = ControlState.PROVEN.value, "Proven"
        BROKEN = ControlState.BROKEN.value, "Broken"
        STALE = ControlState.STALE.value, "Stale"
        INEFFECTIVE = ControlState.INEFFECTIVE.value, "Ineffective"
        RECORDED = ControlState.RECORDED.value, "Recorded"

    class RuleKind(models.TextChoices):
        FORBIDDEN_PATTERN = RuleKind.FORBIDDEN_PATTERN.value, "Forbidden pattern"
        ALERT_RULE = RuleKind.ALERT_RULE.value, "Alert rule"
        FLAG_GUARD = RuleKind.FLAG_GUARD.value, "Flag guard"
        OTHER = RuleKind.OTHER.value, "Another rule"

    class Evolution(models.TextChoices):
        NEW_PRIMITIVE = Evolution.NEW_PRIMITIVE.value, "A new primitive"
        STRICTER_INTENT = Evolution.STRICTER_INTENT.value, "A stricter intent"
        NEW_CI_INVARIANT = Evolution.NEW_CI_INVARIANT.value, "A new CI invariant"

    project_id = models.BigIntegerField()
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="controls")
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=200)
    command = models.CharField(max_length=2000, blank=True)
    rule_kind = models.CharField(max_length=20, choices=RuleKind, blank=True)
    rule_reference = models.CharField(max_length=500, blank=True, help_text="Where the rule stands.")
    symptom_fix = models.TextField(blank=True, help_text="What stopped the symptom.")
    prevention_primitive = models.TextField(blank=True, help_text="What makes the cause impossible from now on.")
    evolution = models.CharField(max_length=20, choices=Evolution, blank=True)
    check_first = models.TextField(blank=True)
    never_again = models.TextField(blank=True)
    governance_updates = models.JSONField(default=list, blank=True, help_text="Documents that it touches.")
    owner = models.CharField(max_length=254, blank=True)
    due_on = models.DateField(null=True, blank=True)
    # Once for each day that was promised: another day is another promise.
    overdue_told = models.DateField(
        null=True, blank=True, help_text="The due day of which was told that it passed unproven."
    )
    period_days = models.PositiveSmallIntegerField(default=7)
    version = models.PositiveIntegerField(default=1)
    created_by = models.CharField(max_length=254)
    created_at = models.DateTimeField()

    state = models.CharField(max_length=16, choices=State, default=State.UNPROVEN)
    state_reason = models.CharField(max_length=1000, blank=True)
    state_at = models.DateTimeField()
    pass_due_at = models.DateTimeField(null=True, blank=True)
    # When to ask for the run that is due at pass_due_at; emptied once it was asked for, so that it is asked for once.
    ask_at = models.DateTimeField(null=True, blank=True)
    # What its breaking opened: an incident of its own, the same one each time it breaks.
    own_incident = models.ForeignKey(
        Incident, on_delete=models.PROTECT, null=True, blank=True, related_name="broken_controls"
    )
    progress = models.JSONField(default=dict, blank=True)
    last_sequence = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "lessons_control"
        ordering = ["-id"]
        indexes = [
            # controls_overdue(): proven ones whose pass on main is due
            models.Index(fields=["state", "pass_due_at"], name="lessons_control_state"),
            # controls_to_ask(): the few whose run has to be asked for
            models.Index(fields=["ask_at"], name="lessons_control_ask", condition=models.Q(ask_at__isnull=False)),
            # controls_past_their_day(): those that were to be proven by a day, and the lists that show them
            models.Index(
                fields=["due_on"],
                name="lessons_control_awaited",
                condition=models.Q(due_on__isnull=False, state__in=tuple(state.value for state in AWAITED)),
            ),
            # controls_failing(): the longest first, of what prevents nothing any more or may be overdue
            models.Index(
                fields=["state_at"],
                name="lessons_control_failing",
                condition=models.Q(state__in=("broken", "ineffective", "stale"))
                | models.Q(due_on__isnull=False, state__in=tuple(state.value for state in AWAITED)),
            ),
            # unprevented_count(): those that do not hold
            models.Index(
                fields=["state", "due_on", "incident"],
                name="lessons_control_unheld",
                condition=~models.Q(state__in=("proven", "recorded")),
            ),
            # controls_standing(): a project's, for its gates and for CI
            models.Index(fields=["project_id", "state"], name="lessons_control_project"),
            # controls_of_kind(): playbook entries, newest first
            models.Index(fields=["kind", "-id"], name="lessons_control_kind"),
        ]
        constraints = [
            models.CheckConstraint(condition=~models.Q(title=""), name="lessons_control_has_title"),
            models.CheckConstraint(
                condition=~models.Q(kind=ControlKind.CHECK.value) | ~models.Q(command=""),
                name="lessons_control_check_has_command",
            ),
            models.CheckConstraint(condition=models.Q(period_days__gte=1), name="lessons_control_period_given"),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def public_id(self) -> str:
        """`CTL-7`."""
        return f"CTL-{self.pk}"


class ControlVersion(models.Model):
    """Append-only: what a control was in each of its versions, and why a new one was made."""

    project_id = models.BigIntegerField()
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    command = models.CharField(max_length=2000, blank=True)
    reason = models.CharField(max_length=1000)
    author = models.CharField(max_length=254)
    at = models.DateTimeField()

    class Meta:
        db_table = "lessons_control_version"
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["control", "version"], name="lessons_control_version_once")]

    def __str__(self) -> str:
        return f"CTL-{self.control_id}, version {self.version}"


class ControlRun(models.Model):
    """Append-only: one reported run, in the order received, with what it did to the state (INTERFACES).

    `sequence` counts the runs and recurrences of one control; `checks` is `[{id, outcome}]`.
    """

    class Outcome(models.TextChoices):
        PASSED = Outcome.PASSED.value, "Passed"
        FAILED = Outcome.FAILED.value, "Failed"
        ERROR = Outcome.ERROR.value, "Error"

    class Effect(models.TextChoices):
        NONE = RunEffect.NONE.value, "Counts for nothing"
        RED = RunEffect.RED.value, "Red"
        PROOF = RunEffect.PROOF.value, "Green after red"
        MAIN_PASSED = RunEffect.MAIN_PASSED.value, "Pass on main"
        MAIN_FAILED = RunEffect.MAIN_FAILED.value, "Failure on main"

    project_id = models.BigIntegerField()
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="runs")
    sequence = models.PositiveBigIntegerField()
    version = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome)
    commit = models.CharField(max_length=64)
    on_main = models.BooleanField()
    command = models.CharField(max_length=2000)
    overlay_sha256 = models.CharField(max_length=64, blank=True)
    checks = models.JSONField(default=list)
    checks_passed = models.PositiveIntegerField()
    checks_failed = models.PositiveIntegerField()
    output_sha256 = models.CharField(max_length=64)
    finished_at = models.DateTimeField()
    received_at = models.DateTimeField()
    reporter = models.CharField(max_length=254)
    reporter_key_id = models.BigIntegerField(null=True)
    idempotency_key = models.CharField(max_length=255, null=True)  # noqa: DJ001  null where the reporter sent none
    effect = models.CharField(max_length=12, choices=Effect)
    effect_text = models.CharField(max_length=500)
    state_after = models.CharField(max_length=16, choices=Control.State)
    correlation_id = models.CharField(max_length=64, null=True)  # noqa: DJ001  null outside any trace

    class Meta:
        db_table = "lessons_control_run"
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(fields=["control", "sequence"], name="lessons_control_run_sequence"),
            models.UniqueConstraint(fields=["control", "idempotency_key"], name="lessons_control_run_once"),
        ]
        indexes = [
            # runs_correlated(): what one trace did
            models.Index(
                fields=["correlation_id", "received_at"],
                name="lessons_run_correlation",
                condition=models.Q(correlation_id__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"CTL-{self.control_id}, run {self.sequence}"

    @property
    def checks_executed(self) -> int:
        return self.checks_passed + self.checks_failed


class ControlRecurrence(models.Model):
    """Append-only: the incident came back while this version of the control was green."""

    project_id = models.BigIntegerField()
    control = models.ForeignKey(Control, on_delete=models.PROTECT, related_name="recurrences")
    sequence = models.PositiveBigIntegerField()
    version = models.PositiveIntegerField()
    at = models.DateTimeField()
    recurrence = models.PositiveIntegerField(help_text="Which recurrence of the incident: its count.")
    recorded_by = models.CharField(max_length=254)
    recorded_at = models.DateTimeField()

    class Meta:
        db_table = "lessons_control_recurrence"
        ordering = ["-sequence"]
        constraints = [
            models.UniqueConstraint(fields=["control", "sequence"], name="lessons_recurrence_sequence"),
            models.UniqueConstraint(fields=["control", "recurrence"], name="lessons_recurrence_once"),
        ]

    def __str__(self) -> str:
        return f"CTL-{self.control_id}, recurrence {self.recurrence}"
