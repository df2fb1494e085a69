"""A notice in the words of each way to tell it. All of it may come from a stranger's program: nothing is trusted.

Control and format characters go (they break headers, and turn text around); Slack's three special characters and HTML's
are escaped; a link leads to the console, never to anywhere a sender names.
"""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from readiness.infra.clock import isoz
from readiness.notifications.services.kinds import DIGEST, kind_of

LISTED = 50  # of a digest's notices
SUBJECT_CHARS = 200


@dataclass(frozen=True, slots=True)
class Telling:
    """One notice to tell; `url` is the console's page on it."""

    kind: str
    title: str
    text: str
    priority: str
    url: str
    at: datetime
    project: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail's subject and its two bodies."""

    subject: str
    text: str
    html: str


def line_clean(text: str, length: int = 2_000) -> str:
    """One line without control characters, format characters (bidi overrides) and runs of space."""
    kept = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(kept.split())[:length]


def text_clean(text: str) -> str:
    """Its lines, each cleaned; a summary has several."""
    return "\n".join(line_clean(line) for line in text[:2_000].strip().splitlines())


def headline(telling: Telling) -> str:
    """`[P1] New incident: INC-12 Something broke`."""
    priority = f"[{line_clean(telling.priority)}] " if telling.priority else ""
    return line_clean(f"{priority}{kind_of(telling.kind).title}: {telling.title}", SUBJECT_CHARS)


def digest_headline(tellings: Sequence[Telling], total: int) -> str:
    """What a minute's digest is called."""
    return f"{total} more notices within a minute"


def _facts(telling: Telling) -> list[tuple[str, str]]:
    facts = [(line_clean(str(name), 60), line_clean(str(value), 300)) for name, value in telling.facts.items()]
    return [*([("Project", line_clean(telling.project, 120))] if telling.project else []), *facts]


# --- e-mail -----------------------------------------------------------------------------------------------------------


def mail_compose(*, telling: Telling, console: str) -> Mail:
    """Plain text, and the same in simple HTML."""
    head, text = headline(telling), text_clean(telling.text)
    facts = _facts(telling)
    lines = [head, "", *([text, ""] if text else []), *(f"{name}: {value}" for name, value in facts)]
    lines += [*([""] if facts else []), telling.url, "", _why(console)]
    rows = "".join(f"<tr><th align=left>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in facts)
    paragraph = escape(text).replace("\n", "<br>")
    html = (
        f"<h2>{escape(head)}</h2><p>{paragraph}</p>{f'<table>{rows}</table>' if rows else ''}"
        f'<p><a href="{escape(telling.url)}">{escape(telling.url)}</a></p><p><small>{escape(_why(console))}</small></p>'
    )
    return Mail(f"Readiness: {head}"[:SUBJECT_CHARS], "\n".join(lines) + "\n", html)


def digest_mail_compose(*, tellings: Sequence[Telling], total: int, console: str) -> Mail:
    """A minute's digest: each with its link, the number of those that are left off."""
    head = digest_headline(tellings, total)
    more = f"and {total - len(tellings)} more: see the console." if total > len(tellings) else ""
    lines = [head, "", *(f"- {headline(one)}\n  {one.url}" for one in tellings), *([more] if more else [])]
    items = "".join(f'<li><a href="{escape(one.url)}">{escape(headline(one))}</a></li>' for one in tellings)
    html = f"<h2>{escape(head)}</h2><ul>{items}</ul><p>{escape(more)}</p><p><small>{escape(_why(console))}</small></p>"
    return Mail(f"Readiness: {head}", "\n".join([*lines, "", _why(console)]) + "\n", html)


def _why(console: str) -> str:
    return f"You are told by a rule of the readiness console. Founders change it at {console}/operations/notifications/"


# --- Slack-compatible -------------------------------------------------------------------------------------------------


def slack_escape(text: str) -> str:
    """Slack's mrkdwn knows three special characters; without them nothing in it is a link, a mention or a channel."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _slack_plain(text: str) -> str:
    """Escaped, and the marks of emphasis, code, mentions and links (Mattermost's `@channel`, Markdown's `[…](…)`) made
    harmless by a word joiner behind each.
    """
    return re.sub(r"([*_~`@\[\]])", "\\1\u2060", slack_escape(text))


def _slack_head(telling: Telling) -> str:
    """The headline as a link's words: no link of its own in it, also where `text` is all that is shown."""
    return _slack_plain(headline(telling)).replace("://", ":\u2060//").replace("|", "¦")


def _slack_words(text: str, length: int) -> dict[str, object]:
    """`verbatim`: what looks like an address or a channel in them is left as it is; only our own link is one."""
    return {"type": "mrkdwn", "text": text[:length], "verbatim": True}


def _slack_section(text: str) -> dict[str, object]:
    return {"type": "section", "text": _slack_words(text, 3_000)}


def slack_compose(*, telling: Telling) -> dict[str, object]:
    """`blocks` are what Slack shows; `text` is its notification, and all that those show who know no blocks."""
    head = _slack_head(telling)
    blocks = [_slack_section(f"*<{slack_escape(telling.url)}|{head}>*")]
    if text := text_clean(telling.text):
        blocks.append(_slack_section(_slack_plain(text)))
    if facts := _facts(telling):
        words = " · ".join(f"{_slack_plain(name)}: {_slack_plain(value)}" for name, value in facts)
        blocks.append({"type": "context", "elements": [_slack_words(words, 2_000)]})
    return {"text": f"{head} <{slack_escape(telling.url)}>", "blocks": blocks}


def slack_digest_compose(*, tellings: Sequence[Telling], total: int) -> dict[str, object]:
    """One section for every ten: a block holds 3,000 characters."""
    head = digest_headline(tellings, total)
    lines = [f"• <{slack_escape(one.url)}|{_slack_head(one)[:200]}>" for one in tellings]
    if total > len(tellings):
        lines.append(f"and {total - len(tellings)} more")
    sections = [_slack_section("\n".join(lines[start : start + 10])) for start in range(0, len(lines), 10)]
    return {"text": "\n".join([head, *lines[:10]]), "blocks": [_slack_section(f"*{head}*"), *sections]}


# --- Standard Webhooks ------------------------------------------------------------------------------------------------


def _data(telling: Telling) -> dict[str, object]:
    return {
        "title": telling.title,
        "text": telling.text,
        "priority": telling.priority or None,
        "url": telling.url,
        "project": telling.project or None,
        "facts": dict(telling.facts),
    }


def webhook_compose(*, telling: Telling) -> str:
    """The JSON body: `type`, `timestamp` of the event, `data`."""
    return _json({"type": telling.kind, "timestamp": isoz(telling.at), "data": _data(telling)})


def webhook_digest_compose(*, tellings: Sequence[Telling], total: int, at: datetime) -> str:
    """`type` digest; `data.total` of them, of which `data.notices` are at most 50."""
    notices = [{"type": one.kind, "timestamp": isoz(one.at), "data": _data(one)} for one in tellings]
    return _json({"type": DIGEST, "timestamp": isoz(at), "data": {"total": total, "notices": notices}})


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
