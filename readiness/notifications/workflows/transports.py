"""One attempt by each way to tell people. No transaction is open here: a server may take its time."""

import json
import smtplib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from readiness.infra.clock import utcnow
from readiness.infra.outbound import OutboundFailed, OutboundRefused, outbound_post, target_parse
from readiness.infra.redaction import text_scrub
from readiness.notifications.services.outcomes import SendResult, answer_judge
from readiness.notifications.services.signing import headers_sign
from readiness.notifications.services.targets import EMAIL, SLACK
from readiness.notifications.services.wording import (
    Telling,
    digest_mail_compose,
    line_clean,
    mail_compose,
    slack_compose,
    slack_digest_compose,
    webhook_compose,
    webhook_digest_compose,
)

ERROR_CHARS = 300


@dataclass(frozen=True, slots=True)
class Sending:
    """Everything that one attempt needs: `addresses` of a mail or `url`; `signing` a Standard Webhook's secrets. A
    digest has its `total`, and `tellings` at most fifty of them; a single notice has one and no total.
    """

    delivery_id: int
    kind: str
    message_id: str
    tellings: Sequence[Telling]
    at: datetime
    total: int = 0
    addresses: Sequence[str] = ()
    url: str = ""
    signing: Sequence[str] = ()


def attempt(sending: Sending) -> SendResult:
    """Try once. Every failure of a server or a network is a result, not an exception; what a server said of it is one
    clean line, for it is kept and shown.
    """
    result = _attempt(sending)
    return replace(result, error=line_clean(result.error, ERROR_CHARS))


def _attempt(sending: Sending) -> SendResult:
    if sending.kind == EMAIL:
        return _mail(sending)
    if sending.kind == SLACK:
        words = (
            slack_digest_compose(tellings=sending.tellings, total=sending.total)
            if sending.total
            else slack_compose(telling=sending.tellings[0])
        )
        return _post(sending.url, json.dumps(words), {})
    body = (
        webhook_digest_compose(tellings=sending.tellings, total=sending.total, at=sending.at)
        if sending.total
        else webhook_compose(telling=sending.tellings[0])
    )
    signed = headers_sign(message_id=sending.message_id, at=utcnow(), body=body, signing=sending.signing)
    return _post(sending.url, body, signed)


def _post(url: str, body: str, headers: Mapping[str, str]) -> SendResult:
    named = {"Content-Type": "application/json", "User-Agent": f"readiness-console/{settings.READINESS_VERSION}"}
    try:
        host = target_parse(url).host
        answer = outbound_post(
            url, body=body.encode(), headers={**named, **headers}, allow=settings.READINESS_OUTBOUND_ALLOW
        )
    except (OutboundRefused, OutboundFailed) as failed:
        return SendResult(error=str(failed))
    try:
        location = urlsplit(answer.headers.get("location", "")).hostname or ""
    except ValueError:
        location = ""
    return answer_judge(
        host=host,
        status=answer.status,
        reason=text_scrub(answer.reason),
        location_host=location,
        retry_after=answer.headers.get("retry-after", ""),
        now=utcnow(),
    )


def _mail(sending: Sending) -> SendResult:
    if not settings.EMAIL_URL:
        return SendResult(error="There is no mail server: set EMAIL_URL.")
    if not sending.addresses:
        return SendResult(error="The list has no address: there is no active founder, or nobody is named.")
    console = settings.READINESS_BASE_URL
    host = urlsplit(console).hostname or "localhost"
    mail = (
        digest_mail_compose(tellings=sending.tellings, total=sending.total, console=console)
        if sending.total
        else mail_compose(telling=sending.tellings[0], console=console)
    )
    message = EmailMultiAlternatives(
        mail.subject,
        mail.text,
        to=list(sending.addresses),
        headers={
            "Message-ID": f"<{sending.message_id}@{host}>",
            "List-Id": f"Readiness console <notices.{host}>",
            "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers this
        },
    )
    message.attach_alternative(mail.html, "text/html")
    try:
        message.send()
    except (smtplib.SMTPException, OSError, ValueError) as failed:
        return SendResult(error=_mail_words(failed))
    return SendResult()


def _mail_words(failed: Exception) -> str:
    """What the mail server, or the way to it, said."""
    if isinstance(failed, smtplib.SMTPRecipientsRefused):
        return "The mail server refuses every address of the list."
    if isinstance(failed, smtplib.SMTPAuthenticationError):
        return "The mail server refuses the user or password of EMAIL_URL."
    if isinstance(failed, smtplib.SMTPResponseException):
        said = failed.smtp_error.decode(errors="replace") if isinstance(failed.smtp_error, bytes) else failed.smtp_error
        return text_scrub(f"The mail server answered {failed.smtp_code} {said}")
    if isinstance(failed, TimeoutError):
        return f"The mail server did not answer within {settings.EMAIL_TIMEOUT} s."
    return text_scrub(f"The mail server cannot be reached: {getattr(failed, 'strerror', None) or failed}.")
