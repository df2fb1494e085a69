"""A notice arrives by every way, once, whatever comes between."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from standardwebhooks import Webhook

from incidents.lessons.workflows.playbook import proposal_make
from incidents.triage.models import TimelineEntry
from readiness.infra.actor import Actor
from readiness.infra.clock import utcnow
from readiness.infra.models import OutboxMessage
from readiness.infra.outbox import outbox_attempts
from readiness.infra.transactions import atomic_write
from readiness.notifications.models import Delivery, Notice
from readiness.notifications.tasks import deliver, delivery_hand_over
from readiness.notifications.workflows import LEASE, delivery_send
from readiness.notifications.workflows.channels import channel_rotate, channel_switch, channel_test, delivery_retry
from readiness.notifications.workflows.sending import channel_secrets, delivery_claim
from tests.factories import ANYBODY, a_founder, an_engineer, an_incident
from tests.notifications.conftest import a_channel, delivered_by_outbox, made_due, published, worked
from tests.notifications.receivers import Hook, MailServer

pytestmark = pytest.mark.django_db
HOSTILE = "INC-1 <script>alert(1)</script> <!channel> *bold* & \r\nBcc: eve@example.test \u202egnp"


def _one() -> Delivery:
    return Delivery.objects.get(notice__isnull=False)


def test_a_standard_webhook_is_signed_so_that_the_library_verifies_it(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    published(title=HOSTILE)
    worked()
    [request] = hook.requests
    [secret] = channel_secrets(channel, utcnow())
    body = Webhook(secret).verify(request.body, {k.lower(): v for k, v in request.headers.items()})
    assert (body["type"], body["data"]["title"], body["data"]["priority"]) == ("incident.detected", HOSTILE, "P0")
    assert body["data"]["url"].endswith("/incidents/INC-1/")
    delivery = _one()
    assert request.headers["webhook-id"] == delivery.message_id
    assert (delivery.state, delivery.attempts, delivery.last_status) == ("delivered", 1, 200)
    assert OutboxMessage.objects.get(topic="notice.deliver").delivered_at is not None


def test_a_replaced_secret_signs_beside_the_new_one(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    [former] = channel_secrets(channel, utcnow())
    channel = channel_rotate(channel_id=channel.pk, actor=ANYBODY)
    published()
    worked()
    [request] = hook.requests
    both = channel_secrets(channel, utcnow())
    assert both[0] != former
    assert both[1] == former
    for secret in both:
        Webhook(secret).verify(request.body, {k.lower(): v for k, v in request.headers.items()})
    assert channel_secrets(channel, utcnow() + timedelta(hours=25)) == both[:1]


def test_a_secret_that_is_replaced_twice_cuts_no_receiver_off(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    [first] = channel_secrets(channel, utcnow())
    for _ in range(2):  # a double click, say
        channel = channel_rotate(channel_id=channel.pk, actor=ANYBODY)
    published()
    worked()
    [request] = hook.requests
    Webhook(first).verify(request.body, {k.lower(): v for k, v in request.headers.items()})
    assert len(channel_secrets(channel, utcnow())) == 3
    with atomic_write():
        channel.former_until = utcnow() - timedelta(seconds=1)
        channel.save()
    channel = channel_rotate(channel_id=channel.pk, actor=ANYBODY)
    assert len(channel_secrets(channel, utcnow())) == 2, "what had its day signs no more"


def test_slack_gets_nothing_that_it_would_act_on(hook: Hook) -> None:
    a_channel("slack", hook.url)
    published(title=HOSTILE)
    worked()
    body = json.loads(hook.requests[0].body)
    said = json.dumps(body, ensure_ascii=False)
    assert "&lt;script&gt;" in body["text"]
    assert "<!channel>" not in said
    assert "<script>" not in said
    assert "\u202e" not in said
    assert body["blocks"][0]["text"]["text"].count("<") == 1, "the link to the console is the only one"


def test_founders_get_a_mail_that_no_title_can_bend(mail_server: MailServer) -> None:
    founder = a_founder(email="ada@example.test")
    published(title=HOSTILE, facts={"Component": "<b>x</b>"})
    worked()
    [(recipients, mail)] = mail_server.mails
    assert recipients == [founder.email]
    assert mail["To"] == founder.email
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Readiness: [P0] New incident: INC-1 <script>")
    assert "\n" not in mail["Subject"]
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Id"].startswith("Readiness console <notices.")
    assert mail["Message-ID"].startswith(f"<{_one().message_id}@")
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert "/incidents/INC-1/" in plain.get_content()
    assert html is not None
    assert "<script>" not in html.get_content()
    assert "<b>" not in html.get_content()


def test_an_escalation_reaches_its_step_too(mail_server: MailServer) -> None:
    a_founder(email="ada@example.test")
    facts = {"Step": "2", "To": "lead@example.test, the engineering lead"}
    published(key="INC-1:escalated:0:2", kind="incident.escalated", facts=facts)
    published(facts={"To": "eve@example.test"})
    worked()
    assert [recipients for recipients, _ in mail_server.mails] == [
        ["ada@example.test", "lead@example.test"], ["ada@example.test"],
    ]  # fmt: skip


def test_an_edit_that_waits_reaches_its_reviewers_too(mail_server: MailServer) -> None:
    """Ada is the only founder and the author: who else may write is told."""
    ada, bob = a_founder(email="ada@example.test"), an_engineer(email="bob@example.test")
    edit: dict[str, Any] = {
        "error_class": "infra.timeout",
        "title": HOSTILE[:20],
        "why": "INC-1",
        "check_first": ["The gateway"],
    }
    proposal_make(**edit, actor=Actor("person", str(ada), ada.pk))
    worked()
    [(recipients, mail)] = mail_server.mails
    assert recipients == [ada.email, bob.email]
    assert mail["Subject"] == "Readiness: Playbook edit waits for review: A new section: INC-1 <script>alert("
    body = mail.get_body(("plain",))
    assert body is not None
    assert "/playbook/proposals/" in body.get_content()


def test_a_mail_server_that_refuses_is_tried_again(mail_server: MailServer) -> None:
    a_founder(email="ada@example.test")
    mail_server.refuses = "451 come back later"
    published()
    worked()
    delivery = _one()
    assert (delivery.state, delivery.attempts) == ("waiting", 1)
    assert "451" in delivery.last_error
    mail_server.refuses = ""
    made_due()
    worked()
    assert len(mail_server.mails) == 1
    assert _one().state == "delivered"


def test_without_a_mail_server_nobody_is_told_and_nothing_fails() -> None:
    published()
    worked()
    assert Notice.objects.count() == 1
    assert not Delivery.objects.exists()


# --- again ------------------------------------------------------------------------------------------------------------


def test_an_answer_of_500_is_tried_again_with_the_same_id(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    hook.answers.append((500, {}))
    published()
    worked()
    delivery = _one()
    assert (delivery.state, delivery.last_status) == ("waiting", 500)
    assert delivery.last_error == "127.0.0.1 answered 500 Internal Server Error."
    assert delivery.next_at is not None
    assert timedelta(seconds=4) < delivery.next_at - utcnow() < timedelta(seconds=6)
    worked()
    assert len(hook.requests) == 1, "not before its time"
    made_due()
    worked()
    assert len({request.headers["webhook-id"] for request in hook.requests}) == 1
    assert len(hook.requests) == 2
    assert _one().state == "delivered"


def test_a_receiver_that_asks_for_time_gets_it(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    hook.answers.append((503, {"Retry-After": "3600"}))
    published()
    worked()
    due = OutboxMessage.objects.get(topic="notice.deliver").due_at
    assert due - utcnow() > timedelta(minutes=59)


def test_what_fails_every_time_is_given_up_visible_and_can_be_tried_by_hand(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    tries = outbox_attempts("notice.deliver")
    hook.answers += [(500, {})] * tries
    published()
    for _ in range(tries):
        worked()
        made_due()
    assert len(hook.requests) == tries == 10
    assert (_one().state, _one().attempts) == ("dead", 10)
    message = OutboxMessage.objects.get(topic="notice.deliver")
    assert message.dead_at is not None
    assert "answered 500" in message.last_error
    delivery_retry(delivery_id=_one().pk, actor=ANYBODY)
    worked()
    assert _one().state == "delivered"
    assert OutboxMessage.objects.get(topic="notice.deliver").dead_at is None


def test_what_a_server_says_is_kept_as_one_clean_line(hook: Hook) -> None:
    """PostgreSQL keeps no NUL: the attempt could not be noted, and was made again and again."""
    a_channel("webhook", hook.url)
    hook.answers.append((302, {"Location": "http://evil\x00\x1b.test/"}))
    published()
    worked()
    assert (_one().state, _one().last_status) == ("waiting", 302)
    assert _one().last_error.isprintable()
    assert "redirects to evil" in OutboxMessage.objects.get(topic="notice.deliver").last_error


class BrokenBackend(BaseEmailBackend):
    """A mail backend with a mistake in it, or one whose time is up."""

    def send_messages(self, email_messages: object) -> int:
        raise RuntimeError("no more time")


def test_an_attempt_that_breaks_off_is_noted_as_a_failure(settings: Any) -> None:
    settings.EMAIL_URL, settings.EMAIL_BACKEND = "smtp://mail.test", f"{__name__}.BrokenBackend"
    a_founder(email="ada@example.test")
    published()
    delivered_by_outbox()
    with pytest.raises(RuntimeError):
        deliver(_one().pk)
    assert (_one().state, _one().sending_until) == ("waiting", None)
    assert _one().last_error == "The attempt broke off (RuntimeError); the console's own errors have more."
    assert _one().channel.failures == 1


def test_410_switches_the_channel_off_and_says_so(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    hook.answers.append((410, {}))
    published()
    worked()
    channel.refresh_from_db()
    assert not channel.enabled
    assert "wants no more" in channel.off_because
    assert _one().state == "dead"
    worked()
    assert Notice.objects.filter(kind="channel.off").count() == 1
    assert len(hook.requests) == 1


def test_a_redirect_is_a_failure_that_names_where_it_leads(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    hook.answers.append((302, {"Location": "http://169.254.169.254/latest/meta-data/"}))
    published()
    worked()
    assert "redirects to 169.254.169.254 (302); redirects are not followed" in _one().last_error
    assert len(hook.requests) == 1


def test_a_private_address_is_refused_without_the_setting(hook: Hook, settings: pytest.FixtureRequest) -> None:
    settings.READINESS_OUTBOUND_ALLOW = []  # type: ignore[attr-defined]
    a_channel("slack", hook.url)
    published()
    worked()
    assert hook.requests == []
    assert "READINESS_OUTBOUND_ALLOW" in _one().last_error
    assert "s3cret" not in _one().last_error


def test_a_channel_that_fails_in_a_row_rests_and_the_others_do_not_wait_for_it(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    hook.answers += [(500, {})] * 3
    for number in range(5):
        published(key=f"INC-{number}:detected")
    worked()
    assert len(hook.requests) == 3, "the fourth and fifth wait until it has rested"
    rested = Delivery.objects.filter(attempts=0)
    assert rested.count() == 2
    outbox = OutboxMessage.objects.filter(pk__in=rested.values_list("outbox_id", flat=True))
    assert set(outbox.values_list("attempts", flat=True)) == {0}, "a rest is no attempt"
    made_due()
    worked()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


# --- once -------------------------------------------------------------------------------------------------------------


def test_it_is_sent_once_though_it_is_published_and_handed_over_twice(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    published()
    published()
    worked()
    delivery = _one()
    delivery_hand_over(key="x", payload={"delivery_id": delivery.pk})
    deliver(delivery.pk)
    assert delivery_send(delivery_id=delivery.pk) is None
    assert len(hook.requests) == 1


def test_who_is_killed_while_sending_leaves_it_to_be_sent_again_once(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    published()
    delivered_by_outbox()
    pk = _one().pk

    assert delivery_claim(delivery_id=pk) is not None  # and then nothing more is heard of this worker
    assert delivery_send(delivery_id=pk) is None, "it may be alive: for as long as an attempt can take, it has it"
    with atomic_write():
        Delivery.objects.update(sending_until=utcnow() - timedelta(seconds=1))
        OutboxMessage.objects.filter(topic="notice.deliver").update(due_at=utcnow())
    worked()
    assert len(hook.requests) == 1
    assert (_one().state, _one().attempts) == ("delivered", 2)


def test_what_is_taken_up_and_never_finished_is_dead_in_the_end(hook: Hook) -> None:
    a_channel("webhook", hook.url)
    published()
    for _ in range(outbox_attempts("notice.deliver") + 2):
        delivered_by_outbox()
        made_due()
    message = OutboxMessage.objects.get(topic="notice.deliver")
    assert message.last_error == "Taken up 10 times, and never finished."
    assert message.due_at < utcnow() + LEASE


# --- a storm ----------------------------------------------------------------------------------------------------------


def test_a_storm_is_ten_messages_a_minute_and_a_digest_that_lists_the_others(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    for number in range(70):
        published(key=f"INC-{number}:detected", title=f"INC-{number} Broke")
    worked()
    made_due()
    worked()
    [secret] = channel_secrets(channel, utcnow())
    bodies = [Webhook(secret).verify(r.body, {k.lower(): v for k, v in r.headers.items()}) for r in hook.requests]
    digests = [body["data"] for body in bodies if body["type"] == "digest"]
    assert digests
    assert len(bodies) <= 22, "ten and a digest; twice, if the minute turned over meanwhile"
    assert len(bodies) - len(digests) + sum(digest["total"] for digest in digests) == 70, "none is lost"
    assert max(len(digest["notices"]) for digest in digests) <= 50
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}


# --- the incident's page ----------------------------------------------------------------------------------------------


def test_the_incidents_timeline_says_once_who_was_told(hook: Hook, mail_server: MailServer) -> None:
    incident = an_incident(level="fatal")
    a_founder(email="ada@example.test")
    a_channel("slack", hook.url, name="Team chat")
    hook.answers.append((500, {}))
    worked()
    told = TimelineEntry.objects.filter(incident=incident, kind="told").values_list("text", flat=True)
    assert list(told) == ["Told: Founders. Not reached yet: Team chat; it is tried again."]
    made_due()
    worked()
    assert len(hook.requests) == 2
    assert told.all().count() == 1


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_a_test_goes_the_way_of_every_notice(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url, kinds=["control.broken"])
    channel_test(channel_id=channel.pk, actor=ANYBODY)
    worked()
    assert json.loads(hook.requests[0].body)["type"] == "test"
    assert _one().state == "delivered"


def test_what_waits_for_a_channel_that_was_switched_off_is_given_up(hook: Hook) -> None:
    channel = a_channel("webhook", hook.url)
    published()
    delivered_by_outbox()
    channel_switch(channel_id=channel.pk, on=False, actor=ANYBODY)
    deliver(_one().pk)
    assert hook.requests == []
    assert (_one().state, _one().last_error) == ("dead", "webhook channel is switched off.")
    channel_switch(channel_id=channel.pk, on=True, actor=ANYBODY)
    delivery_retry(delivery_id=_one().pk, actor=ANYBODY)
    worked()
    assert len(hook.requests) == 1
