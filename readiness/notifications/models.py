"""Telling people: what there was to tell, by which ways, to whom, and what became of each delivery."""

from django.db import models


class Notice(models.Model):
    """One thing that people should hear of; told once, whatever publishes it again. Append-only."""

    project_id = models.BigIntegerField(default=0)
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    text = models.CharField(max_length=2_000, blank=True)
    priority = models.CharField(max_length=2, blank=True)
    page = models.CharField(max_length=300, blank=True)
    facts = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "notifications_notice"
        constraints = [models.UniqueConstraint(fields=["project_id", "key"], name="notifications_notice_once")]
        indexes = [
            # notices_recent(): the page's list, newest first; notices_forget(): the oldest
            models.Index(fields=["-at"], name="notifications_notice_recent"),
        ]

    def __str__(self) -> str:
        return self.title


class Channel(models.Model):
    """A way to tell people: a list of mail addresses, a Slack-compatible webhook, a signed Standard Webhook.

    `target`: addresses, one a line (`founders`: whoever is a founder), or a URL, which may be a secret itself and is
    never shown whole. The secret of a Standard Webhook is not stored: it follows from `salt` and the installation's
    hash key (services.signing), and those of `former_salt` (the newest first, between spaces) sign too until
    `former_until`.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", "E-mail"
        SLACK = "slack", "Slack-compatible webhook"
        WEBHOOK = "webhook", "Standard Webhook, signed"

    project_id = models.BigIntegerField(default=0)
    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    target = models.CharField(max_length=2_000)
    salt = models.CharField(max_length=64, blank=True)
    former_salt = models.CharField(max_length=200, blank=True)
    former_until = models.DateTimeField(null=True)
    enabled = models.BooleanField(default=True)
    off_because = models.CharField(max_length=200, blank=True)
    failures = models.PositiveIntegerField(default=0, help_text="In a row; from three on the channel rests in between.")
    rest_until = models.DateTimeField(null=True)
    last_ok_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)

    class Meta:
        db_table = "notifications_channel"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Rule(models.Model):
    """Who hears of what: the notices that go through a channel. Empty `kinds`: the usual ones (services.kinds); empty
    `projects`: everybody's. `minimum_priority` holds for notices that have a priority.
    """

    project_id = models.BigIntegerField(default=0)
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rules")
    kinds = models.JSONField(default=list, blank=True)
    minimum_priority = models.CharField(max_length=2, blank=True)
    projects = models.JSONField(default=list, blank=True)
    muted_until = models.DateTimeField(null=True, blank=True)
    muted_by = models.CharField(max_length=254, blank=True, default="")
    muted_because = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=254)

    class Meta:
        db_table = "notifications_rule"
        ordering = ["channel__name", "pk"]

    def __str__(self) -> str:
        return f"Rule {self.pk}"


class Delivery(models.Model):
    """One notice through one channel, once; or one minute's digest of a channel (`minute`), whose members name it.

    `message_id` is the same in every attempt: webhook-id, and the Message-ID of a mail. `first_result_at`: when it was
    first known whether it arrives; `outbox_id`: the message that brings the next attempt.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        DELIVERED = "delivered", "Delivered"
        DEAD = "dead", "Given up"

    project_id = models.BigIntegerField(default=0)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, null=True, related_name="deliveries")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="deliveries")
    minute = models.DateTimeField(null=True)
    digest = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="members")
    message_id = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    last_status = models.PositiveSmallIntegerField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    next_at = models.DateTimeField(null=True)
    sending_until = models.DateTimeField(null=True)
    first_result_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    outbox_id = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "notifications_delivery"
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel"], name="notifications_delivery_once"),
            models.UniqueConstraint(fields=["channel", "minute"], name="notifications_digest_once"),
        ]
        indexes = [
            # deliveries_recent(): the page's list, newest first
            models.Index(fields=["-created_at"], name="notifications_delivery_recent"),
            # singles_since(): how many a channel had this minute; channels_read(): its last one
            models.Index(fields=["channel", "-created_at"], name="notifications_delivery_channel"),
            # deliveries_dead(): what did not arrive
            models.Index(
                fields=["created_at"],
                name="notifications_delivery_dead",
                condition=models.Q(state="dead", digest__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.message_id
