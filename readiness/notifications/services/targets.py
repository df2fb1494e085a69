"""Where a channel leads: checked when it is typed in, and shown without what is secret in it."""

import re
from urllib.parse import urlsplit

from readiness.infra.outbound import OutboundRefused, target_parse
from readiness.infra.refusals import FieldError

FOUNDERS = "founders"
EMAIL, SLACK, WEBHOOK = "email", "slack", "webhook"
ADDRESSES = 20
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])")


def addresses_parse(target: str) -> list[str]:
    """The addresses of a mail channel, one a line or between commas; `founders` stays that word."""
    return [part for part in re.split(r"[\s,;]+", target) if part]


def addresses_in(words: str) -> list[str]:
    """The mail addresses among the words of a notice's fact; whatever else stands there is left out."""
    return [one for one in addresses_parse(words) if _ADDRESS.fullmatch(one)][:ADDRESSES]


def target_clean(*, kind: str, target: str) -> str:
    """As it is stored: addresses one a line, a URL without spaces around it."""
    return "\n".join(dict.fromkeys(addresses_parse(target))) if kind == EMAIL else target.strip()


def target_check(*, kind: str, target: str) -> list[FieldError]:
    """What cannot be a target of that kind."""
    if kind not in (EMAIL, SLACK, WEBHOOK):
        return [FieldError("/kind", "Choose e-mail, a Slack-compatible webhook or a Standard Webhook.")]
    if kind != EMAIL:
        try:
            target_parse(target)
        except OutboundRefused as refused:
            return [FieldError("/target", str(refused))]
        return []
    addresses = addresses_parse(target)
    if not addresses:
        return [FieldError("/target", f"Name at least one address, or write {FOUNDERS}.")]
    if len(addresses) > ADDRESSES:
        return [FieldError("/target", f"At most {ADDRESSES} addresses; make a list at your mail server for more.")]
    wrong = [one for one in addresses if one != FOUNDERS and not _ADDRESS.fullmatch(one)]
    return [FieldError("/target", f"{wrong[0][:60]!r} is no mail address.")] if wrong else []


def target_words(*, kind: str, target: str) -> str:
    """What a page may show: addresses; of a URL its host alone, for the rest of it may be the secret."""
    if kind == EMAIL:
        return ", ".join("all founders" if one == FOUNDERS else one for one in addresses_parse(target))
    parts = urlsplit(target)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}/…"
