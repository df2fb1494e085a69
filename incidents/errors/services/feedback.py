"""What users said: `user_report` items (a crash dialog's) and `feedback` items (a widget's), read and scrubbed.

Who said it is kept as a keyed hash only: the same as an event's `user_hash` when the same id is known, so that one
person's words and errors can be told to belong together, and not whose they are.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from incidents.errors.services.normalising import Keys, person_hash, text_clean
from readiness.infra.redaction import FILTERED, FLOOR, Rules

MAX_COMMENTS = 4_096
MAX_PAYLOAD = 1024 * 1024
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class UserSaid:
    """One person's words. `error_id` is `err_` and 32 hex or empty; `report_id` the same for a retry."""

    report_id: str
    error_id: str
    correlation_id: str
    comments: str
    user_hash: str
    release: str
    environment: str
    url: str


def _object(payload: bytes) -> dict[str, Any] | None:
    if len(payload) > MAX_PAYLOAD:
        return None
    try:
        value = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return value if isinstance(value, dict) else None


def _text(value: Any, limit: int, rules: Rules) -> str:
    return text_clean(value, limit, rules) if isinstance(value, str) else ""


def _sub(value: dict[str, Any], *path: str) -> dict[str, Any]:
    for name in path:
        found = value.get(name)
        if not isinstance(found, dict):
            return {}
        value = found
    return value


def hex_id(value: Any) -> str:
    """32 lower-case hex of an id of 32 or 36 characters; empty for anything else."""
    plain = value.replace("-", "").lower() if isinstance(value, str) and len(value) <= 36 else ""
    return plain if len(plain) == 32 and not set(plain) - _HEX else ""


def _comments(said: Any, names: Sequence[Any], rules: Rules) -> str:
    """The words, without whose they are."""
    text = said if isinstance(said, str) else ""
    for name in names:
        if isinstance(name, str) and len(name.strip()) >= 3:
            text = text.replace(name.strip(), FILTERED)
    return text_clean(text, MAX_COMMENTS, rules).strip()


def _who(candidates: Sequence[Any], keys: Keys) -> str:
    for who in candidates:
        if isinstance(who, str | int) and not isinstance(who, bool) and str(who).strip():
            return person_hash(str(who).strip(), keys.hash_key) or ""
    return ""


def user_report_read(*, payload: bytes, trace_id: str, keys: Keys, rules: Rules = FLOOR) -> UserSaid | None:
    """A crash dialog's report; None for one that cannot be read or says nothing. `trace_id`: the envelope's."""
    report = _object(payload)
    event_id = hex_id(report.get("event_id")) if report else ""
    if report is None or not event_id:
        return None
    name, email = report.get("name"), report.get("email")
    comments = _comments(report.get("comments"), (email, name), rules)
    if not comments:
        return None
    return UserSaid(
        report_id=hashlib.sha256(f"{event_id}:{comments}".encode("utf-8", "replace")).hexdigest()[:32],
        error_id=f"err_{event_id}",
        correlation_id=trace_id,
        comments=comments,
        user_hash=_who((email, name), keys),
        release="",
        environment="",
        url="",
    )


def feedback_read(
    *, payload: bytes, event_id: object, trace_id: str, keys: Keys, rules: Rules = FLOOR
) -> UserSaid | None:
    """A widget's feedback, which is an event of its own; None for one that cannot be read or says nothing."""
    event = _object(payload)
    said = _sub(event, "contexts", "feedback") if event else {}
    if event is None or not said:
        return None
    name, email = said.get("name"), said.get("contact_email")
    comments = _comments(said.get("message"), (email, name), rules)
    own_id = hex_id(event_id) or hex_id(event.get("event_id"))
    if not comments:
        return None
    user = _sub(event, "user")
    about = hex_id(said.get("associated_event_id"))
    known = (user.get("id"), user.get("username"), user.get("email"), email, name, user.get("ip_address"))
    url = said.get("url")
    return UserSaid(
        report_id=own_id or hashlib.sha256(payload).hexdigest()[:32],
        error_id=f"err_{about}" if about else "",
        correlation_id=hex_id(_sub(event, "contexts", "trace").get("trace_id")) or trace_id,
        comments=comments,
        user_hash=_who(known, keys),
        release=_text(event.get("release"), 200, rules),
        environment=_text(event.get("environment"), 64, rules),
        url=_text(url.split("?", 1)[0].split("#", 1)[0], 1_000, rules) if isinstance(url, str) else "",
    )
